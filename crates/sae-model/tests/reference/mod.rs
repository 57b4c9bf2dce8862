//! An independent implementation of the sparse autoencoder's mathematics: plain loops over `f64`,
//! written from the formulas of the lecture note alone. It shares no code with the crate.

#![allow(dead_code)]

/// A matrix, row by row.
pub type Matrix = Vec<Vec<f64>>;

/// Weights of a three-layer autoencoder: `w1[i][j]` from input i to unit j.
#[derive(Clone)]
pub struct Net {
    pub w1: Matrix,
    pub b: Vec<f64>,
    pub w2: Matrix,
    pub c: Vec<f64>,
}

/// Fixed pseudo-random numbers in (-1, 1): a linear congruential generator (Knuth's MMIX).
pub struct Lcg(pub u64);

impl Lcg {
    pub fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    pub fn vector(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.next()).collect()
    }

    pub fn matrix(&mut self, rows: usize, columns: usize) -> Matrix {
        (0..rows).map(|_| self.vector(columns)).collect()
    }
}

impl Net {
    pub fn random(inputs: usize, hidden: usize, seed: u64) -> Self {
        let mut lcg = Lcg(seed);
        Self {
            w1: lcg.matrix(inputs, hidden),
            b: lcg.vector(hidden),
            w2: lcg.matrix(hidden, inputs),
            c: lcg.vector(inputs),
        }
    }

    pub fn code(&self, x: &[f64]) -> Vec<f64> {
        affine(x, &self.w1, &self.b)
            .iter()
            .map(|&p| phi(p))
            .collect()
    }

    pub fn reconstruct(&self, code: &[f64]) -> Vec<f64> {
        affine(code, &self.w2, &self.c)
            .iter()
            .map(|&p| phi(p))
            .collect()
    }
}

pub fn phi(p: f64) -> f64 {
    1.0 / (1.0 + (-p).exp())
}

/// φ' at the pre-activation p.
pub fn phi_slope(p: f64) -> f64 {
    (-p).exp() / (1.0 + (-p).exp()).powi(2)
}

pub fn affine(x: &[f64], w: &Matrix, b: &[f64]) -> Vec<f64> {
    (0..b.len())
        .map(|j| b[j] + (0..x.len()).map(|i| x[i] * w[i][j]).sum::<f64>())
        .collect()
}

pub fn rho_hat(net: &Net, data: &Matrix) -> Vec<f64> {
    let mut mean = vec![0.0; net.b.len()];
    for x in data {
        for (m, y) in mean.iter_mut().zip(net.code(x)) {
            *m += y / data.len() as f64;
        }
    }
    mean
}

pub fn kl(rho: f64, rho_hat: f64) -> f64 {
    rho * (rho / rho_hat).ln() + (1.0 - rho) * ((1.0 - rho) / (1.0 - rho_hat)).ln()
}

/// dKL/dρ̂.
pub fn kl_slope(rho: f64, rho_hat: f64) -> f64 {
    -rho / rho_hat + (1.0 - rho) / (1.0 - rho_hat)
}

pub fn norm2(w: &Matrix) -> f64 {
    w.iter().flatten().map(|v| v * v).sum()
}

/// [reconstruction, decay, sparsity] in the mean convention.
pub fn terms(net: &Net, data: &Matrix, alpha: f64, beta: f64, rho: f64) -> [f64; 3] {
    let mut squares = 0.0;
    for x in data {
        let z = net.reconstruct(&net.code(x));
        squares += x.iter().zip(&z).map(|(x, z)| (x - z).powi(2)).sum::<f64>();
    }
    let divergence: f64 = rho_hat(net, data).iter().map(|&r| kl(rho, r)).sum();
    [
        0.5 * squares / data.len() as f64,
        0.5 * alpha * (norm2(&net.w1) + norm2(&net.w2)),
        beta * divergence,
    ]
}

/// −(1/R) Σ [x log z + (1 − x) log(1 − z)].
pub fn cross_entropy(net: &Net, data: &Matrix) -> f64 {
    let mut sum = 0.0;
    for x in data {
        let z = net.reconstruct(&net.code(x));
        let pairs = x.iter().zip(&z);
        sum -= pairs
            .map(|(x, z)| x * z.ln() + (1.0 - x) * (1.0 - z).ln())
            .sum::<f64>();
    }
    sum / data.len() as f64
}

/// The note's objective, a sum over samples: E(α, β) = Σ_k ½‖x−z‖² + (α/2)‖W‖² + β Σ KL.
pub fn note_objective(net: &Net, data: &Matrix, alpha: f64, beta: f64, rho: f64) -> f64 {
    let [reconstruction, decay, sparsity] = terms(net, data, alpha, beta, rho);
    data.len() as f64 * reconstruction + decay + sparsity
}

/// Central difference of `f` by the entry that `pick` selects.
pub fn finite_difference(
    net: &Net,
    pick: impl Fn(&mut Net) -> &mut f64,
    f: impl Fn(&Net) -> f64,
) -> f64 {
    let h = 1e-5;
    let at = |offset: f64| {
        let mut moved = net.clone();
        *pick(&mut moved) += offset;
        f(&moved)
    };
    (at(h) - at(-h)) / (2.0 * h)
}
