//! Graphics drivers without their complaints.

/// Mesa's drivers print an error for each display system that they look for where
/// XDG_RUNTIME_DIR is not set, as in a container. No display is wanted here, so the program starts
/// itself again with that variable set, before it does anything. (Setting it within a running
/// process would be unsafe.) Where that fails, it goes on and the lines are printed.
pub fn start_again() {
    use std::env;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    const VARIABLE: &str = "XDG_RUNTIME_DIR";
    if env::var_os(VARIABLE).is_some() {
        return;
    }
    if let Ok(program) = env::current_exe() {
        let mut again = Command::new(program);
        let _ = again
            .args(env::args_os().skip(1))
            .env(VARIABLE, env::temp_dir())
            .exec();
    }
}
