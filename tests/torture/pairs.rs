//! Two processes that want the same folder at the same time.

use libtest_mimic::Trial;

use crate::configurations::ALL;
use crate::plan::Plan;
use crate::support::undisturbed::{args, start};
use crate::tally::Tally;

/// Exactly one of them runs, and what it writes is what an undisturbed run writes.
pub fn trials(plan: Plan) -> Vec<Trial> {
    let rounds = if plan.is_long { 30 } else { 2 };
    vec![Trial::test("of_two_processes_one_runs", move || {
        let undisturbed = ALL[0].undisturbed();
        let mut tally = Tally::default();
        for round in 0..rounds {
            let name = format!("pair-{round}");
            let both = [0, 1].map(|_| start(&args(undisturbed.path(), &name)));
            let ends = both.map(|child| child.wait_with_output().expect("it ends"));
            let codes = ends.each_ref().map(|output| output.status.code());
            let said = ends.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
            let is_refused = |said: &String| said.contains("is being written by another run");
            let one = match (codes, said.iter().filter(|said| is_refused(said)).count()) {
                ([Some(0), Some(2)] | [Some(2), Some(0)], 1) => Ok(()),
                _ => Err(format!("exit codes {codes:?}: {said:?}")),
            };
            tally.count(1, &name, one.and_then(|()| undisturbed.same(&name)));
        }
        tally.conclude()
    })]
}
