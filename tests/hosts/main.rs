//! Ranks on hosts with addresses of their own, and a slow link between them that loses packets.
//!
//! The hosts are network namespaces of this machine, with names and shared memory of their own. That takes the
//! superuser, `ip`, `unshare`, Python and /dev/net/tun, so that these tests only run where they are asked for:
//! `cargo xtask test --mpi --hosts`.

#![cfg(target_os = "linux")]

mod hosts;
#[path = "../support/mod.rs"]
mod support;

use std::thread::sleep;
use std::time::{Duration, Instant};

use support::ranks::{Runs, ranks_of, said, signal, wait};

use self::hosts::Hosts;

/// Many small steps: what takes time is the link.
const SMALL: &str = "[checkpoints]\nsteps = 7\n[distributed]\nshards = 4\ntimeout = 20\n[data.shapes]\nsize = 10\n\
    train = 600\ntest = 100\n[[layers]]\nhidden = 30\n[pretrain]\nepochs = 60\nbatch = 40\n[softmax]\n\
    epochs = 2\nbatch = 40\n[finetune]\nepochs = 2\nbatch = 40\n";
/// Seconds for which ranks wait for each other.
const TIMEOUT: u64 = 4;
/// How much later all have ended at the latest: a look inside MPI, and time to take leave of each other.
const LATER: u64 = 20;

/// The same bits as of one process; with a killed rank, and with the link cut, there is a message in time, and the
/// run goes on to the same bits. One test, since there is one link.
#[test]
#[ignore = "needs the superuser: cargo xtask test --mpi --hosts"]
fn hosts_apart() {
    let timeout = format!("timeout = {TIMEOUT}");
    let runs = Runs::of(&SMALL.replace("timeout = 20", &timeout));
    let alone = runs.alone();
    let hosts = Hosts::new(2.0, 0.005);

    let before = hosts.carried();
    runs.assert_leads_to(hosts.launch(&runs.args("apart")), "apart", &alone);
    // The gradients of the first autoencoder in its 900 steps, half of the sums each way and back.
    let carried = hosts.carried() - before;
    assert!(carried > 900 * 4 * 6000, "{carried} bytes on the link");

    let child = runs.begin(hosts.launch(&runs.args("killed")), "killed");
    let run = runs.path("killed");
    signal(ranks_of(&run)[1], "KILL");
    let output = wait(child);
    assert!(!output.status.success());
    runs.assert_same(1, "killed", &alone);

    let child = runs.begin(hosts.launch(&runs.args("cut")), "cut");
    let run = runs.path("cut");
    let cut = Instant::now();
    hosts.link("down");
    while !ranks_of(&run).is_empty() {
        let waited = cut.elapsed();
        assert!(waited < Duration::from_secs(TIMEOUT + LATER), "still there");
        sleep(Duration::from_millis(50));
    }
    // Launchers may wait for the other host.
    hosts.clear();
    let output = wait(child);
    let said = said(&output);
    assert!(!output.status.success());
    let expected = format!("rank 1 has not answered for {TIMEOUT} s");
    assert!(
        said.contains(&expected) && said.contains("sae resume"),
        "{said}"
    );
    hosts.link("up");
    runs.assert_leads_to(hosts.launch(&runs.args("cut")), "cut", &alone);
}
