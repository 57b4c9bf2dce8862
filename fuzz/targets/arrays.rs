#![no_main]

// The readers of whole arrays and of weights.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), bytes).expect("a file");
    let _ = sae_data::read_npy(file.path());
    let _ = sae_data::read_npz_only(file.path());
    let _ = sae_data::Tensors::from_bytes(bytes);
});
