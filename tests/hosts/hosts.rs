//! Two hosts on one machine.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::{TempDir, tempdir};

use crate::support::ranks::{launcher, prepare};
use crate::support::{root, text};

/// In the place of a remote shell: `agent [options] HOST COMMAND...`. Each command has the host's name, and shared
/// memory of its own, so that MPI takes hosts for what they are meant to be.
const AGENT: &str = "#!/bin/sh\n\
    while [ \"${1#-}\" != \"$1\" ]; do shift; done\n\
    host=sae-${1##*.}; shift\n\
    export HOST=\"$host\" DO=\"$*\"\n\
    exec ip netns exec \"$host\" unshare --uts --ipc --mount \
    sh -c 'hostname \"$HOST\"; mount -t tmpfs none /dev/shm; eval \"$DO\"'\n";
const ADDRESSES: [&str; 2] = ["10.77.0.1", "10.77.0.2"];

/// Namespaces `sae-1` and `sae-2`, and a link between them, until this is dropped.
pub struct Hosts {
    relay: Child,
    folder: TempDir,
}

impl Hosts {
    /// With a link of so many milliseconds that loses a share of its packets.
    pub fn new(milliseconds: f64, loss: f64) -> Self {
        // Of a process that was killed.
        remove();
        let folder = tempdir().expect("a folder");
        let agent = folder.path().join("agent");
        fs::write(&agent, AGENT).expect("an agent");
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).expect("an agent");
        let script = root().join("tests/hosts/relay.py");
        let mut relay = Command::new("python3")
            .arg(script)
            .args(["sae1", "sae2", &milliseconds.to_string(), &loss.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let mut ready = String::new();
        let output = relay.stdout.as_mut().expect("it is piped");
        BufReader::new(output)
            .read_line(&mut ready)
            .expect("it speaks");
        assert_eq!(ready, "ready\n", "the relay cannot work");
        for (n, address) in (1..).zip(ADDRESSES) {
            ip(&format!("netns add sae-{n}"));
            ip(&format!("link set sae{n} netns sae-{n}"));
            ip(&format!("-n sae-{n} address add {address}/24 dev sae{n}"));
            ip(&format!("-n sae-{n} link set lo up"));
            ip(&format!("-n sae-{n} link set sae{n} up"));
        }
        Self { relay, folder }
    }

    /// Sets the link `up` or `down`.
    pub fn link(&self, state: &str) {
        ip(&format!("-n sae-1 link set sae1 {state}"));
    }

    /// Ends all processes that are on the hosts a second from now.
    pub fn clear(&self) {
        sleep(Duration::from_secs(1));
        for n in 1..=ADDRESSES.len() {
            for process in ip(&format!("netns pids sae-{n}")).split_whitespace() {
                // It may have ended.
                let _ = Command::new("kill").args(["-9", process]).output();
            }
        }
    }

    /// Bytes that the link has carried from the first host to the second.
    pub fn carried(&self) -> u64 {
        let said = ip("-n sae-1 -s link show sae1");
        let mut lines = said.lines().skip_while(|line| !line.contains("TX:"));
        let bytes = lines.nth(1).and_then(|line| line.split_whitespace().next());
        bytes
            .and_then(|bytes| bytes.parse().ok())
            .expect("a number")
    }

    /// A launcher on the first host, with a rank on each.
    pub fn launch(&self, args: &[String]) -> Command {
        let agent = self.agent();
        let agent = text(&agent);
        let launcher = launcher();
        let hosts = ADDRESSES.join(",");
        let version = Command::new(&launcher).arg("--version").output();
        let version = version.expect("SAE_MPIRUN, or mpirun");
        let is_open = String::from_utf8_lossy(&version.stdout).contains("(Open");
        let network = "10.77.0.0/24";
        let way = match is_open {
            true => vec![
                "--mca",
                "plm_rsh_agent",
                agent,
                "--mca",
                "btl_tcp_if_include",
                network,
                "--mca",
                "oob_tcp_if_include",
                network,
                "--mca",
                "btl",
                "tcp,self",
                "--mca",
                "pml",
                "ob1",
                "--host",
            ],
            false => vec!["-launcher", "ssh", "-launcher-exec", agent, "-hosts"],
        };
        let mut words = vec![launcher.to_string_lossy().into_owned()];
        words.extend(way.into_iter().map(str::to_owned));
        words.extend([&hosts, "-n", "2", env!("CARGO_BIN_EXE_sae")].map(str::to_owned));
        words.extend(args.iter().cloned());
        let mut command = Command::new(agent);
        command.arg(ADDRESSES[0]).arg(words.join(" "));
        prepare(&mut command);
        command
    }

    fn agent(&self) -> PathBuf {
        self.folder.path().join("agent")
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        let _ = self.relay.kill();
        let _ = self.relay.wait();
        remove();
    }
}

fn remove() {
    for n in 1..=ADDRESSES.len() {
        let host = format!("sae-{n}");
        let _ = Command::new("ip").args(["netns", "delete", &host]).output();
    }
}

/// `ip`, which must succeed; what it says.
fn ip(args: &str) -> String {
    let output = Command::new("ip")
        .args(args.split(' '))
        .output()
        .expect("ip");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {args}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
