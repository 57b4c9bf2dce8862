//! Weights files: what is written is what is read, and nothing else is read.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use burn::tensor::{DType, Device};
use sae_data::{Dataset, ImageShape, Labels, Samples, Stream, stream};
use sae_model::{
    Activation, Architecture, AutoencoderConfig, DeepNetwork, Dense, DenseConfig, Softmax, Unit,
    named_parameters,
};
use sae_stack::{decode_autoencoder, decode_network, encode_weights, evaluate};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

fn values<M: burn::module::Module>(module: &M) -> Vec<(String, Vec<usize>, Vec<f64>)> {
    let named = named_parameters(module).into_iter();
    named.map(|p| (p.name, p.shape, p.values)).collect()
}

fn dense(inputs: usize, outputs: usize, weight: &[f64], bias: &[f64]) -> Dense {
    let size = DenseConfig::new(inputs, outputs);
    let device = Device::flex();
    Dense::from_values(size, weight.to_vec(), bias.to_vec(), DType::F32, &device)
}

fn linear(dense: Dense) -> Dense {
    Dense {
        activation: Activation::of(Unit::Linear),
        ..dense
    }
}

#[test]
fn an_autoencoder_comes_back_bit_by_bit() {
    for tied in [false, true] {
        let architecture = Architecture {
            tied,
            encoder: Unit::Tanh,
            ..Architecture::default()
        };
        let config = AutoencoderConfig::new(5, 3).unwrap();
        let config = config.with_architecture(architecture).unwrap();
        let mut rng = stream(1, Stream::Autoencoder(0));
        let model = config.init(&mut rng, DType::F32, &Device::flex());
        let bytes = encode_weights(&model);
        let read = decode_autoencoder(&bytes, architecture, DType::F32, &Device::flex()).unwrap();
        assert_eq!(values(&read), values(&model));
        assert_eq!(encode_weights(&read), bytes);
        assert_eq!(read.encoder.activation.unit, Unit::Tanh);
    }
}

/// The documented names and shapes, read with the safetensors crate alone.
#[test]
fn a_network_is_written_as_documented() {
    let network = DeepNetwork::new(
        vec![
            dense(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[0.5, 0.25, 0.125]),
            dense(3, 1, &[7.0, 8.0, 9.0], &[1.5]),
        ],
        Softmax {
            output: linear(dense(1, 2, &[10.0, 11.0], &[0.0, -1.0])),
        },
    )
    .unwrap();
    let bytes = encode_weights(&network);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut found: Vec<_> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, view.shape().to_vec(), view.dtype()))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("encoders.0.bias", vec![3]),
        ("encoders.0.weight", vec![2, 3]),
        ("encoders.1.bias", vec![1]),
        ("encoders.1.weight", vec![3, 1]),
        ("head.output.bias", vec![2]),
        ("head.output.weight", vec![1, 2]),
    ];
    assert_eq!(found.len(), expected.len());
    for ((name, shape, dtype), (expected_name, expected_shape)) in found.iter().zip(&expected) {
        assert_eq!((name.as_str(), shape), (*expected_name, expected_shape));
        assert_eq!(*dtype, Dtype::F32);
    }
    let first = file.tensor("encoders.0.weight").unwrap().data()[4..8].to_vec();
    assert_eq!(first, 2f32.to_le_bytes());
    let read = decode_network(
        &bytes,
        &[Activation::default(); 2],
        DType::F32,
        &Device::flex(),
    )
    .unwrap();
    assert_eq!(values(&read), values(&network));
}

fn refusal(tensors: &[(&str, Vec<usize>)], dtype: Dtype) -> String {
    let zeros = vec![0u8; 1000];
    let views = tensors.iter().map(|(name, shape)| {
        let count: usize = shape.iter().product();
        let size = if dtype == Dtype::F32 { 4 } else { 8 };
        let view = TensorView::new(dtype, shape.clone(), &zeros[..size * count]);
        (*name, view.unwrap())
    });
    let bytes = serialize(views, None).unwrap();
    let error = decode_autoencoder(&bytes, Architecture::default(), DType::F32, &Device::flex())
        .unwrap_err();
    error.to_string()
}

#[test]
fn other_tensors_are_refused() {
    let parts = |encoder: [usize; 2], bias: usize, decoder: [usize; 2]| {
        vec![
            ("encoder.weight", encoder.to_vec()),
            ("encoder.bias", vec![bias]),
            ("decoder.weight", decoder.to_vec()),
            ("decoder.bias", vec![decoder[1]]),
        ]
    };
    let missing = refusal(&parts([4, 2], 2, [2, 4])[..3], Dtype::F32);
    assert_eq!(
        missing,
        "tensor `decoder.bias` is not in the file; expected a vector of f32 or f64"
    );
    let integers = refusal(&parts([4, 2], 2, [2, 4]), Dtype::I64);
    assert!(
        integers.contains("`encoder.weight` is I64 [4, 2]"),
        "{integers}"
    );
    let bias = refusal(&parts([4, 2], 3, [2, 4]), Dtype::F32);
    assert!(bias.contains("its bias is [3]"), "{bias}");
    let turned = refusal(&parts([4, 2], 2, [4, 2]), Dtype::F32);
    assert!(turned.contains("encoder.weight is [4, 2]"), "{turned}");
    let error = decode_network(b"not safetensors", &[], DType::F32, &Device::flex()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("not a readable safetensors file")
    );
}

/// A softmax on two inputs that says class 0 where the first input is larger: three of four
/// samples are right, and the cross-entropy is the mean of ln(1 + e^(−margin)).
#[test]
fn an_evaluation_worked_by_hand() {
    let head = Softmax {
        output: linear(dense(2, 2, &[1.0, 0.0, 0.0, 1.0], &[0.0, 0.0])),
    };
    let network = DeepNetwork::new(vec![], head).unwrap();
    let labels = |values| {
        Some(Labels {
            values,
            classes: vec!["a".to_owned(), "b".to_owned()],
        })
    };
    let data = Dataset {
        samples: Samples::Floats {
            width: 2,
            values: vec![2.0, 0.0, 0.0, 1.0, 0.0, 3.0, 1.0, 0.5],
        },
        labels: labels(vec![0, 1, 0, 0]),
        image: ImageShape {
            height: 1,
            width: 2,
        },
    };
    let evaluation = evaluate(&network, &data, &Device::flex()).unwrap();
    assert_eq!(evaluation.confusion, [[2, 1], [0, 1]]);
    assert_eq!(evaluation.accuracy, 0.75);
    let margins: [f64; 4] = [2.0, 1.0, -3.0, 0.5];
    let expected = margins.map(|m| (-m).exp().ln_1p()).iter().sum::<f64>() / 4.0;
    assert!((evaluation.cross_entropy - expected).abs() < 1e-6);

    for (values, found) in [
        (Some(vec![0, 1, 2, 0]), "label is 2"),
        (None, "label is missing"),
    ] {
        let wrong = Dataset {
            labels: values.and_then(labels),
            ..data.clone()
        };
        let error = evaluate(&network, &wrong, &Device::flex()).unwrap_err();
        assert!(error.to_string().contains(found), "{error}");
    }
}
