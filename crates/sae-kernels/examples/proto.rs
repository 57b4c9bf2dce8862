use sae_kernels::*;
use std::time::Instant;
fn main() {
    let threads: usize = std::env::args().nth(1).map_or(2, |s| s.parse().unwrap());
    for (n, h, r) in [(900usize, 100usize, 256usize), (784, 196, 256), (784, 400, 1000), (4096, 1024, 512), (900, 100, 32), (784, 196, 10000)] {
        let mut s = 1u64;
        let mut rnd = move || { s = s.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); (s >> 40) as f32 / (1u64 << 24) as f32 };
        let w = AutoencoderWeights { encoder: (0..n*h).map(|_| (rnd()-0.5)*0.1).collect(), encoder_bias: vec![0.0; h], decoder: (0..n*h).map(|_| (rnd()-0.5)*0.1).collect(), decoder_bias: vec![0.0; n] };
        let x: Vec<f32> = (0..n*r).map(|_| rnd()).collect();
        let mut a = Autoencoder::new(AutoencoderConfig { inputs: n, hidden: h, encoder: Unit::Sigmoid, decoder: Unit::Sigmoid, alpha: 1e-3, beta: 3.0, rho: 0.1, l1: 0.0, clamp: 1e-7 }, &w, threads);
        let rows = Rows::of(&x, n);
        let bytes: Vec<u8> = x.iter().map(|v| (v * 255.0) as u8).collect();
        let order: Vec<usize> = (0..r).map(|i| (i * 7919) % r).collect();
        let rows2 = Rows { values: Values::Bytes(&bytes), columns: n, order: Some(&order) };
        for (name, rows, opt) in [("sgd", rows, Some((Optimiser::Sgd { momentum: 0.0, nesterov: false }, 1e-3))), ("adam", rows, Some((Optimiser::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }, 1e-3))), ("sgd bytes", rows2, Some((Optimiser::Sgd { momentum: 0.0, nesterov: false }, 1e-3)))] { print!("{name} ");
        let mut best = f64::MAX; let mut all = vec![];
        let reps = (3e9 / (10.0 * (n*h*r) as f64)) as usize + 5;
        for _ in 0..reps.max(20) { let t = Instant::now(); a.step(rows, None, opt); let e = t.elapsed().as_secs_f64(); all.push(e); best = best.min(e); }
                all.sort_by(f64::total_cmp);
        let med = all[all.len()/2];
        let limit = multiply_add_limit(threads, 0.3) / 1e9; print!("{:.0}% of {limit:.0}: ", 10.0*(n*h*r) as f64/med/1e7/limit);
        println!("{n}-{h}, {r}: median {:.3} ms, best {:.3} ms; {:.1} GFLOP/s", med*1e3, best*1e3, 10.0*(n*h*r) as f64/med/1e9); }
    }
}
