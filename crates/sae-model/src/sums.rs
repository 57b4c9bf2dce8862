//! Sums over many numbers, right to far more digits than `f32` has where the device can.
//!
//! A row of a tensor is added up as it is; the rows' sums are added up in `f64` where the device has
//! it (every CPU). What is reported and what a line search compares then depends neither on the
//! width of a vector register nor on the number of rows.

use burn::tensor::{DType, Tensor};

/// The tensor in `f64`, or as it is where its device has no such type (most GPUs).
pub(crate) fn precise<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    match tensor.dtype() != DType::F64 && tensor.device().supports_dtype(DType::F64) {
        true => tensor.cast(DType::F64),
        false => tensor,
    }
}

/// The sum of all elements, `[1]`.
pub(crate) fn sum(matrix: Tensor<2>) -> Tensor<1> {
    precise(matrix.sum_dim(1)).sum()
}

/// Rows whose sum in `f32` is as good as exact.
const ROWS: usize = 64;

/// The mean of each column, `[rows, columns]` to `[1, columns]`, in the type of the matrix: groups of
/// rows are added up first, so that the rounding error does not grow with the rows.
pub(crate) fn mean_of_columns(matrix: Tensor<2>) -> Tensor<2> {
    let rows = matrix.dims()[0];
    // No division: see `SparseObjective::divergence`.
    sum_of_columns(matrix).mul_scalar(1.0 / rows as f64)
}

fn sum_of_columns(matrix: Tensor<2>) -> Tensor<2> {
    let [rows, columns] = matrix.dims();
    let groups = rows / ROWS;
    if groups < 2 {
        return matrix.sum_dim(0);
    }
    let grouped = groups * ROWS;
    let whole = matrix.clone().slice([0..grouped, 0..columns]);
    let sums = whole.reshape([groups, ROWS, columns]).sum_dim(1);
    let sum = sum_of_columns(sums.reshape([groups, columns]));
    match rows - grouped {
        0 => sum,
        _ => sum + matrix.slice([grouped..rows, 0..columns]).sum_dim(0),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn sums_are_those_of_double_precision() {
        let (rows, columns) = (1000, 37);
        let values: Vec<f32> = (0..rows * columns)
            .map(|i| (i * 7919 % 1009) as f32 / 1009.0)
            .collect();
        let exact: f64 = values.iter().map(|&v| f64::from(v)).sum();
        let data = TensorData::new(values.clone(), [rows, columns]);
        let matrix = Tensor::<2>::from_data(data, &Device::flex());
        let found: f64 = sum(matrix.clone()).into_scalar();
        assert!((found - exact).abs() < 1e-8 * exact, "{found} {exact}");
        let means = mean_of_columns(matrix).into_data();
        for (column, mean) in means.iter::<f64>().enumerate() {
            let own = values.iter().skip(column).step_by(columns);
            let exact = own.map(|&v| f64::from(v)).sum::<f64>() / rows as f64;
            assert!((mean - exact).abs() < 2e-7 * exact, "{mean} {exact}");
        }
    }
}
