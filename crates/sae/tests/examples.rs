//! The examples do what they say.

#[path = "../examples/arrays.rs"]
mod arrays;
#[path = "../examples/encode.rs"]
mod encode;
#[path = "../examples/own_objective.rs"]
mod own_objective;
#[path = "../examples/training_loop.rs"]
mod training_loop;

#[test]
fn arrays_in_memory() {
    arrays::main().expect("the example runs");
}

#[test]
fn a_model_from_its_file() {
    encode::main().expect("the example runs");
}

#[test]
fn an_objective_of_ones_own() {
    own_objective::main().expect("the example runs");
}

#[test]
fn a_loop_by_hand() {
    training_loop::main().expect("the example runs");
}

/// Of a size that can be read at a glance.
#[test]
fn examples_are_short() {
    for text in [
        include_str!("../examples/arrays.rs"),
        include_str!("../examples/encode.rs"),
        include_str!("../examples/own_objective.rs"),
        include_str!("../examples/training_loop.rs"),
    ] {
        let lines = text.lines().count();
        assert!(lines <= 40, "{lines} lines");
    }
}
