#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sae_fuzz::runs::metrics(bytes));
