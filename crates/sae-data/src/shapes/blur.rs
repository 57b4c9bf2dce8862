//! Gaussian blur of a square image.

/// Convolves rows, then columns, with a normalised Gaussian of standard deviation `sigma` pixels,
/// cut off at 3σ. Outside the image the ground is black. σ = 0 changes nothing.
pub(super) fn gaussian_blur(pixels: &mut [f64], size: usize, sigma: f64) {
    if sigma <= 0.0 {
        return;
    }
    let kernel = kernel(sigma);
    let source = pixels.to_vec();
    // A pixel's neighbours in its row are 1 apart, with the rest of the row beside them.
    for (row, source) in pixels.chunks_mut(size).zip(source.chunks(size)) {
        convolve(row, source, &kernel, 1);
    }
    let source = pixels.to_vec();
    convolve(pixels, &source, &kernel, size);
}

fn kernel(sigma: f64) -> Vec<f64> {
    let reach = (3.0 * sigma).ceil() as i64;
    let weight = |d: i64| (-0.5 * (d as f64 / sigma).powi(2)).exp();
    let sum: f64 = (-reach..=reach).map(weight).sum();
    (-reach..=reach).map(|d| weight(d) / sum).collect()
}

/// Sets each pixel to the sum of its neighbours, `stride` apart, weighted by the kernel; beyond the
/// ends there is nothing.
fn convolve(pixels: &mut [f64], source: &[f64], kernel: &[f64], stride: usize) {
    let reach = kernel.len() / 2;
    pixels.fill(0.0);
    for (step, weight) in kernel.iter().enumerate() {
        let (to, from) = match step < reach {
            true => ((reach - step) * stride, 0),
            false => (0, (step - reach) * stride),
        };
        let (Some(to), Some(from)) = (pixels.get_mut(to..), source.get(from..)) else {
            continue;
        };
        for (pixel, neighbour) in to.iter_mut().zip(from) {
            *pixel += weight * neighbour;
        }
    }
}
