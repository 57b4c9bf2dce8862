//! `cargo xtask python`

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::command::{cargo, run, say, stop, target_folder};
use crate::test::WITH_PARQUET;

/// The package, and where its program goes.
const PACKAGE: &str = "crates/sae-py";
const SCRIPTS: &str = "crates/sae-py/sae.data/scripts";
/// What the tests and the notebook need besides the package.
const TESTED_WITH: [&str; 12] = [
    "scikit-learn==1.9.*",
    "ipykernel==7.*",
    "joblib",
    "matplotlib==3.*",
    "mypy==1.*",
    "nbclient==0.*",
    "nbformat==5.*",
    "pandas==3.*",
    "pyarrow",
    "polars==2.*",
    "pytest==9.*",
    "tqdm==4.*",
];

/// Builds the wheel and tests it.
#[derive(Args)]
pub(crate) struct Python {
    /// A Python, 3.11 or later, with venv; packages are fetched into environments of their own
    #[arg(long, value_name = "PYTHON", default_value = "python3")]
    python: String,
    /// Build the wheel, and no more
    #[arg(long)]
    no_test: bool,
    /// Arguments of pytest, for example `-k fork`
    #[arg(last = true)]
    rest: Vec<String>,
}

impl Default for Python {
    fn default() -> Self {
        Self {
            python: "python3".to_owned(),
            no_test: false,
            rest: vec![],
        }
    }
}

impl Python {
    /// The program, the wheel with it, and its tests in an environment that has nothing else of ours.
    pub(crate) fn run(&self) {
        let target = target_folder();
        let wheel = self.build(&target);
        say(&size_of(&wheel));
        if self.no_test {
            return;
        }
        let python = self.environment(&target.join("python-test"));
        install(&python, &TESTED_WITH);
        let forced = ["--force-reinstall", "--no-deps"];
        run(pip(&python).args(forced).arg(&wheel));
        run(Command::new(&python)
            .args(["-m", "pytest", "--quiet", "crates/sae-py/tests"])
            .args(&self.rest)
            .env("SAE_PROGRAM", python.with_file_name("sae")));
    }

    fn build(&self, target: &Path) -> PathBuf {
        // Names of functions are half of it.
        let mut program = cargo(&["rustc", "--release", "--package", "sae-cli", "--bin", "sae"]);
        run(program.args(WITH_PARQUET).args(["--", "-Cstrip=symbols"]));
        let copied = fs::create_dir_all(SCRIPTS)
            .and_then(|()| fs::copy(target.join("release/sae"), format!("{SCRIPTS}/sae")));
        if let Err(error) = copied {
            stop(&format!("{SCRIPTS}/sae cannot be written: {error}"));
        }
        let python = self.environment(&target.join("python-build"));
        install(&python, &["maturin>=1.9,<2"]);
        let wheels = target.join("wheels");
        // Else wheels of other versions would be there, too.
        let _ = fs::remove_dir_all(&wheels);
        run(Command::new(&python)
            .args(["-m", "maturin", "build", "--release", "--manifest-path"])
            .arg(format!("{PACKAGE}/Cargo.toml"))
            .arg("--out")
            .arg(&wheels)
            .env("CARGO_TARGET_DIR", target));
        let entries = fs::read_dir(&wheels).into_iter().flatten().flatten();
        let found = entries.map(|entry| entry.path()).next();
        found.unwrap_or_else(|| stop("maturin has left no wheel"))
    }

    /// The Python of an environment, which is made where it is not there.
    fn environment(&self, folder: &Path) -> PathBuf {
        let python = folder.join("bin/python");
        if !python.exists() {
            run(Command::new(&self.python).args(["-m", "venv"]).arg(folder));
        }
        python
    }
}

fn pip(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    pip
}

fn install(python: &Path, packages: &[&str]) {
    run(pip(python).args(packages));
}

fn size_of(wheel: &Path) -> String {
    let bytes = fs::metadata(wheel).map_or(0, |file| file.len());
    format!("{}: {:.1} MB", wheel.display(), bytes as f64 / 1e6)
}
