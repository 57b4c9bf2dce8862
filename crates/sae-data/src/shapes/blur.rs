//! Gaussian blur of a square image.

/// Convolves rows, then columns, with a normalised Gaussian of standard deviation `sigma` pixels,
/// cut off at 3σ. Outside the image the ground is black. σ = 0 changes nothing.
pub(super) fn gaussian_blur(pixels: &mut [f64], size: usize, sigma: f64) {
    if sigma <= 0.0 {
        return;
    }
    let kernel = kernel(sigma);
    let mut line = vec![0.0; size];
    for i in 0..size {
        convolve(pixels, &mut line, &kernel, |j| i * size + j);
    }
    for i in 0..size {
        convolve(pixels, &mut line, &kernel, |j| j * size + i);
    }
}

fn kernel(sigma: f64) -> Vec<f64> {
    let reach = (3.0 * sigma).ceil() as i64;
    let weight = |d: i64| (-0.5 * (d as f64 / sigma).powi(2)).exp();
    let sum: f64 = (-reach..=reach).map(weight).sum();
    (-reach..=reach).map(|d| weight(d) / sum).collect()
}

/// Convolves one line, whose pixel j is at `at(j)`.
fn convolve(pixels: &mut [f64], line: &mut [f64], kernel: &[f64], at: impl Fn(usize) -> usize) {
    let (reach, size) = (kernel.len() / 2, line.len());
    for (j, value) in line.iter_mut().enumerate() {
        let first = j.saturating_sub(reach);
        let last = (j + reach).min(size - 1);
        *value = (first..=last)
            .map(|other| kernel[other + reach - j] * pixels[at(other)])
            .sum();
    }
    for (j, &value) in line.iter().enumerate() {
        pixels[at(j)] = value;
    }
}
