//! What a sum over ranks costs: start it by the launcher of an MPI, on as many ranks and machines as are to be
//! measured. Rank 0 prints, for each number of values, the microseconds of a sum, the median of many.
//!
//! `cargo bench -p sae-cli --features mpi --bench sums --no-run`, then `mpirun -n 2 target/release/deps/sums-…`

#![allow(clippy::print_stdout, reason = "it is a table")]

use std::time::Instant;

use sae::World;
use sae::train::Group;

/// From one number to the gradient of 4096 inputs and 1024 hidden units.
const COUNTS: [usize; 6] = [1, 200, 1 << 12, 180_000, 630_000, 8_400_000];
const BYTES: usize = 1 << 30;

fn main() {
    let world = World::begin(|_| std::process::exit(1)).expect("an MPI");
    let ranks = world.ranks();
    let _ = world.processors();
    let group = Group::new(world.communicator(), ranks).expect("a power of two of ranks");
    if group.is_first() {
        println!("ranks {ranks}\nvalues (f32)  microseconds");
    }
    for count in COUNTS {
        let mut values = vec![1.0f32; count];
        let times = (BYTES / 4 / count).clamp(5, 2000);
        let mut seconds: Vec<f64> = (0..times)
            .map(|_| {
                values.fill(1.0);
                let start = Instant::now();
                group.add_single(&mut values).expect("a sum");
                start.elapsed().as_secs_f64()
            })
            .collect();
        assert!(values.iter().all(|&value| value == ranks as f32));
        seconds.sort_by(f64::total_cmp);
        if group.is_first() {
            println!("{count:>12}  {:>12.1}", 1e6 * seconds[times / 2]);
        }
    }
}
