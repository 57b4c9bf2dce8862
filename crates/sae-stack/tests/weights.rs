//! Models as named arrays: what is written is what is read, and nothing else is read.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use burn::tensor::{DType, Device};
use sae_data::{Dataset, ImageShape, Labels, NamedTensor, Samples, Stream, Tensors, stream};
use sae_model::{
    Activation, Architecture, AutoencoderConfig, DeepNetwork, Dense, DenseConfig, Softmax, Unit,
    named_parameters,
};
use sae_stack::{autoencoder_of, evaluate, network_of, weights_of};
use safetensors::tensor::{Dtype, SafeTensors};

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
        let bytes = weights_of(&model).to_bytes();
        let tensors = Tensors::from_bytes(&bytes).unwrap();
        let read = autoencoder_of(&tensors, architecture, DType::F32, &Device::flex()).unwrap();
        assert_eq!(values(&read), values(&model));
        assert_eq!(weights_of(&read).to_bytes(), bytes);
        assert_eq!(read.architecture(), architecture);
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
    let bytes = weights_of(&network).to_bytes();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut found: Vec<_> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, view.shape().to_vec(), view.dtype()))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let seal = found.pop().unwrap();
    assert_eq!(seal, ("seal.blake3".to_owned(), vec![32], Dtype::U8));
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
    let tensors = Tensors::from_bytes(&bytes).unwrap();
    let sigmoid = [Activation::default(); 2];
    let read = network_of(&tensors, &sigmoid, DType::F32, &Device::flex()).unwrap();
    assert_eq!(values(&read), values(&network));
}

/// What is said of arrays of zeros of these shapes, of which one holds another number.
fn refusal(shapes: &[(&str, Vec<usize>)], tied: bool, first: f64) -> String {
    let mut tensors = Tensors::default();
    for (place, (name, shape)) in shapes.iter().enumerate() {
        let mut values = vec![0.0; shape.iter().product()];
        if let (0, Some(value)) = (place, values.first_mut()) {
            *value = first;
        }
        tensors.insert(*name, NamedTensor::double(shape.clone(), values));
    }
    let architecture = Architecture {
        tied,
        ..Architecture::default()
    };
    let read = autoencoder_of(&tensors, architecture, DType::F32, &Device::flex());
    read.unwrap_err().to_string()
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
    let right = parts([4, 2], 2, [2, 4]);
    let mut more = right.clone();
    more.push(("decoder.more", vec![1]));
    for (shapes, tied, first, expected) in [
        (&right[..3], false, 0.0, "`decoder.bias` is not in the file"),
        (&right[..], true, 0.0, "`decoder.weight` is in the file"),
        (&more[..], false, 0.0, "`decoder.more` is in the file"),
        (
            &right[..],
            false,
            f64::NAN,
            "`encoder.weight` is NaN at place 0",
        ),
        (
            &right[..],
            false,
            f64::NEG_INFINITY,
            "`encoder.weight` is -inf at place 0",
        ),
        (&parts([4, 2], 3, [2, 4])[..], false, 0.0, "its bias is [3]"),
        (
            &parts([4, 2], 2, [4, 2])[..],
            false,
            0.0,
            "encoder.weight is [4, 2]",
        ),
        (
            &parts([4, 0], 0, [0, 4])[..],
            false,
            0.0,
            "`encoder.weight` is of shape [4, 0]",
        ),
    ] {
        let found = refusal(shapes, tied, first);
        assert!(found.contains(expected), "{found}, not {expected}");
    }
}

/// Numbers that `f32` does not hold are not read as infinite weights.
#[test]
fn weights_beyond_single_precision_are_refused() {
    let shapes = [("encoder.weight", vec![1, 1]), ("encoder.bias", vec![1])];
    let shapes = [&shapes[..], &[("decoder.bias", vec![1])]].concat();
    let found = refusal(&shapes, true, 1e39);
    assert!(found.contains("`encoder.weight`"), "{found}");
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
        }
        .into(),
        labels: labels(vec![0, 1, 0, 0]),
        image: ImageShape::grey(1, 2),
        names: vec![],
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
