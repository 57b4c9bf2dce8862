//! Where the lecture note's printed rules fail, shown by finite differences.
//!
//! One test per numbered point of `docs/derivation.md`. Everything here is plain `f64` loops: the
//! corrected form matches the differences, the printed form misses them by exactly the stated
//! amount.

mod reference;

use reference::{
    Lcg, Matrix, Net, affine, finite_difference, kl, kl_slope, note_objective, phi_slope, rho_hat,
};

const ALPHA: f64 = 0.2;
const BETA: f64 = 1.5;
const RHO: f64 = 0.1;
const ROWS: usize = 6;
const INPUTS: usize = 4;
const HIDDEN: usize = 3;

fn setting() -> (Net, Matrix) {
    let mut lcg = Lcg(42);
    let data = (0..ROWS)
        .map(|_| lcg.vector(INPUTS).iter().map(|v| 0.5 + 0.5 * v).collect())
        .collect();
    (Net::random(INPUTS, HIDDEN, 8), data)
}

/// What the note's rules are made of, for one sample: P2 and the deltas in its sign convention,
/// δ3 = (x − z)φ'.
struct Sample {
    p2: Vec<f64>,
    code: Vec<f64>,
    delta3: Vec<f64>,
    /// Σ_m δ3_m w2_jm
    back: Vec<f64>,
}

fn sample(net: &Net, x: &[f64]) -> Sample {
    let p2 = affine(x, &net.w1, &net.b);
    let code = net.code(x);
    let p3 = affine(&code, &net.w2, &net.c);
    let z = net.reconstruct(&code);
    let delta3: Vec<f64> = (0..x.len())
        .map(|m| (x[m] - z[m]) * phi_slope(p3[m]))
        .collect();
    let back = (0..code.len())
        .map(|j| (0..x.len()).map(|m| delta3[m] * net.w2[j][m]).sum())
        .collect();
    Sample {
        p2,
        code,
        delta3,
        back,
    }
}

/// Σ_k δ2_k x_ki for the δ2 of one unit, which `delta2` makes of a sample.
fn summed(net: &Net, data: &Matrix, i: usize, delta2: impl Fn(&Sample) -> f64) -> f64 {
    data.iter().map(|x| delta2(&sample(net, x)) * x[i]).sum()
}

/// Every (i, j) of W1.
fn entries() -> impl Iterator<Item = (usize, usize)> {
    (0..INPUTS).flat_map(|i| (0..HIDDEN).map(move |j| (i, j)))
}

fn assert_close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-8, "{a} is not {b}");
}

fn assert_apart(a: f64, b: f64) {
    assert!((a - b).abs() > 1e-4, "{a} should differ from {b}");
}

#[test]
fn point_1_decay_enters_the_update_with_the_wrong_sign() {
    let (net, data) = setting();
    for i in 0..HIDDEN {
        for m in 0..INPUTS {
            let w = net.w2[i][m];
            let sum: f64 = data
                .iter()
                .map(|x| sample(&net, x))
                .map(|s| s.delta3[m] * s.code[i])
                .sum();
            let slope = finite_difference(
                &net,
                |n| &mut n.w2[i][m],
                |n| note_objective(n, &data, ALPHA, 0.0, RHO),
            );
            let (corrected, printed) = (sum - ALPHA * w, sum + ALPHA * w);
            assert_close(corrected, -slope);
            assert_close(printed - -slope, 2.0 * ALPHA * w);
            assert_apart(printed, -slope);
        }
    }
}

#[test]
fn point_2_sparsity_enters_delta_with_the_wrong_sign() {
    let (net, data) = setting();
    let mean = rho_hat(&net, &data);
    let per_sample = BETA / ROWS as f64;
    for (i, j) in entries() {
        let g = kl_slope(RHO, mean[j]);
        let with_sign = |sign: f64| {
            summed(&net, &data, i, |s| {
                (s.back[j] + sign * per_sample * g) * phi_slope(s.p2[j])
            })
        };
        let slope = w1_slope(&net, &data, i, j);
        let share = summed(&net, &data, i, |s| per_sample * g * phi_slope(s.p2[j]));
        assert_close(with_sign(-1.0), -slope);
        assert_close(with_sign(1.0) - -slope, 2.0 * share);
        assert_apart(with_sign(1.0), -slope);
    }
}

#[test]
fn point_3_the_mean_of_rho_hat_is_dropped() {
    let (net, data) = setting();
    let mean = rho_hat(&net, &data);
    let rows = ROWS as f64;
    for (i, j) in entries() {
        let g = kl_slope(RHO, mean[j]);
        let with_beta = |beta: f64| {
            summed(&net, &data, i, |s| {
                (s.back[j] - beta * g) * phi_slope(s.p2[j])
            })
        };
        let slope = w1_slope(&net, &data, i, j);
        let share = summed(&net, &data, i, |s| BETA * g * phi_slope(s.p2[j]));
        assert_close(with_beta(BETA / rows), -slope);
        assert_close(with_beta(BETA) - -slope, -(1.0 - 1.0 / rows) * share);
        assert_apart(with_beta(BETA), -slope);
    }
}

#[test]
fn point_4_sparsity_belongs_inside_the_derivative() {
    let (net, data) = setting();
    let mean = rho_hat(&net, &data);
    let per_sample = BETA / ROWS as f64;
    for (i, j) in entries() {
        let g = kl_slope(RHO, mean[j]);
        let inside = summed(&net, &data, i, |s| {
            (s.back[j] - per_sample * g) * phi_slope(s.p2[j])
        });
        let outside = summed(&net, &data, i, |s| {
            s.back[j] * phi_slope(s.p2[j]) - per_sample * g
        });
        let slope = w1_slope(&net, &data, i, j);
        let missing = summed(&net, &data, i, |s| {
            per_sample * g * (1.0 - phi_slope(s.p2[j]))
        });
        assert_close(inside, -slope);
        assert_close(outside - -slope, -missing);
        assert_apart(outside, -slope);
    }
}

/// Printed, ρ̂ is the mean of Σ w x. The derivative of the divergence then is taken at the wrong
/// place, and where the mean leaves (0, 1) there is no divergence at all.
#[test]
fn point_5_rho_hat_is_the_mean_activation() {
    let (net, data) = setting();
    let rows = ROWS as f64;
    let mean = rho_hat(&net, &data);
    let printed_mean: Vec<f64> = (0..HIDDEN)
        .map(|j| {
            let weighted = |x: &Vec<f64>| (0..INPUTS).map(|i| x[i] * net.w1[i][j]).sum::<f64>();
            data.iter().map(weighted).sum::<f64>() / rows
        })
        .collect();
    let outside = printed_mean.iter().find(|&&m| !(0.0..=1.0).contains(&m));
    assert!(
        kl(
            RHO,
            *outside.expect("a unit whose mean of Σwx leaves (0, 1)")
        )
        .is_nan()
    );

    for (i, j) in entries() {
        let rate = summed(&net, &data, i, |s| phi_slope(s.p2[j]) / rows);
        let slope = finite_difference(
            &net,
            |n| &mut n.w1[i][j],
            |n| rho_hat(n, &data).iter().map(|&r| kl(RHO, r)).sum(),
        );
        let (right, printed) = (kl_slope(RHO, mean[j]), kl_slope(RHO, printed_mean[j]));
        assert_close(right * rate, slope);
        assert_close(printed * rate - slope, (printed - right) * rate);
        assert_apart(printed * rate, slope);
    }
}

#[test]
fn point_6_the_derivative_of_rho_hat_has_a_factor_x() {
    let (net, data) = setting();
    let rows = ROWS as f64;
    for (i, j) in entries() {
        let slope = finite_difference(&net, |n| &mut n.w1[i][j], |n| rho_hat(n, &data)[j]);
        let with_x = summed(&net, &data, i, |s| phi_slope(s.p2[j]) / rows);
        let without: f64 = data
            .iter()
            .map(|x| phi_slope(sample(&net, x).p2[j]) / rows)
            .sum();
        let missing: f64 = data
            .iter()
            .map(|x| phi_slope(sample(&net, x).p2[j]) * (1.0 - x[i]) / rows)
            .sum();
        assert_close(with_x, slope);
        assert_close(without - slope, missing);
        assert_apart(without, slope);
    }
}

/// KL is no number outside (0, 1), and grows beyond all bounds where ρ̂ tends to 0 or 1: by
/// ρ·ln 10 with every decimal towards 0, by (1 − ρ)·ln 10 towards 1.
#[test]
fn point_7_the_divergence_ends_at_0_and_1() {
    for outside in [-0.1, 1.0 + 1e-9, 1.3] {
        assert!(kl(RHO, outside).is_nan());
    }
    for digits in 3..12 {
        let (near, nearer) = (10f64.powi(-digits), 10f64.powi(-digits - 1));
        let (low, high) = (RHO * 10f64.ln(), (1.0 - RHO) * 10f64.ln());
        assert!((kl(RHO, nearer) - kl(RHO, near) - low).abs() < 1e-2);
        assert!((kl(RHO, 1.0 - nearer) - kl(RHO, 1.0 - near) - high).abs() < 1e-2);
    }
    assert_eq!(kl(RHO, 0.0), f64::INFINITY);
    assert_eq!(kl(RHO, 1.0), f64::INFINITY);
}

/// The updates of the biases, which are not given, are Σδ, without decay. (The generator of shapes,
/// the other half of this point, is tested in `sae-data`.)
#[test]
fn point_8_biases_move_by_their_deltas_without_decay() {
    let (net, data) = setting();
    let mean = rho_hat(&net, &data);
    let objective = |n: &Net| note_objective(n, &data, ALPHA, BETA, RHO);
    for m in 0..INPUTS {
        let sum: f64 = data.iter().map(|x| sample(&net, x).delta3[m]).sum();
        let slope = finite_difference(&net, |n| &mut n.c[m], objective);
        assert_close(sum, -slope);
        assert_apart(sum - ALPHA * net.c[m], -slope);
    }
    for (j, &mean) in mean.iter().enumerate() {
        let g = BETA / ROWS as f64 * kl_slope(RHO, mean);
        let delta2 = |s: Sample| (s.back[j] - g) * phi_slope(s.p2[j]);
        let sum: f64 = data.iter().map(|x| delta2(sample(&net, x))).sum();
        let slope = finite_difference(&net, |n| &mut n.b[j], objective);
        assert_close(sum, -slope);
        assert_apart(sum - ALPHA * net.b[j], -slope);
    }
}

fn w1_slope(net: &Net, data: &Matrix, i: usize, j: usize) -> f64 {
    finite_difference(
        net,
        |n| &mut n.w1[i][j],
        |n| note_objective(n, data, 0.0, BETA, RHO),
    )
}
