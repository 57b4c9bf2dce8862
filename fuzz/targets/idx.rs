#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sae_fuzz::read_rows("t-idx3-ubyte", bytes));
