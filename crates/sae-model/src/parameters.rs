//! The parameters of any module as named arrays, for saving, loading and checking, and as one flat
//! vector in the order of its fields, for executors and line searches.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Element, Tensor, TensorData};

use crate::ModelError;

/// One parameter tensor of a module, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedParameter {
    /// Path in the module, for example `encoder.weight` or `encoders.0.bias`.
    pub name: String,
    /// Identity under which gradients are registered.
    pub id: ParamId,
    /// Shape, for example `[input, hidden]`.
    pub shape: Vec<usize>,
    /// Type of the values in the module.
    pub dtype: DType,
    /// Values, row by row. An `f32` model's values are exact in `f64`.
    pub values: Vec<f64>,
}

/// All parameters of `module`, in the order of its fields.
pub fn named_parameters<M: Module>(module: &M) -> Vec<NamedParameter> {
    let mut collector = Collector::default();
    module.visit(&mut collector);
    collector.parameters
}

#[derive(Default)]
struct Collector {
    path: Vec<String>,
    parameters: Vec<NamedParameter>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val().inner();
        self.parameters.push(NamedParameter {
            name: self.path.join("."),
            id: param.id,
            shape: tensor.dims().to_vec(),
            dtype: tensor.dtype(),
            values: host_values(tensor),
        });
    }
}

/// The values of a tensor on the host, row by row.
pub(crate) fn host_values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// `module` with the values of its parameters replaced by those of the same name; type, device
/// and identity of each parameter stay.
///
/// # Errors
///
/// Refuses values in which a parameter is missing or has another shape. Further names in
/// `parameters` are an error too: weights of another model are never half used.
pub fn with_parameters<M: Module>(
    module: M,
    parameters: &[NamedParameter],
) -> Result<M, ModelError> {
    let own = named_parameters(&module);
    let held = || {
        let names: Vec<_> = parameters.iter().map(|p| p.name.as_str()).collect();
        names.join(", ")
    };
    let mut values: Vec<f64> = Vec::new();
    for parameter in &own {
        let given = parameters
            .iter()
            .find(|p| p.name == parameter.name)
            .ok_or_else(|| ModelError::MissingParameter {
                name: parameter.name.clone(),
                held: held(),
            })?;
        if given.shape != parameter.shape {
            return Err(ModelError::Shape {
                operation: "loading weights",
                left_name: "the model's tensor",
                left: parameter.shape.clone(),
                right_name: "the given one",
                right: given.shape.clone(),
            });
        }
        values.extend_from_slice(&given.values);
    }
    if parameters.len() != own.len() {
        return Err(ModelError::Shape {
            operation: "loading weights",
            left_name: "the number of the model's tensors",
            left: vec![own.len()],
            right_name: "the number of given ones",
            right: vec![parameters.len()],
        });
    }
    Ok(replaced(module, &values))
}

/// All parameters of `module`, one after the other, in the order of [`named_parameters`].
pub fn flat_parameters<M: Module>(module: &M) -> Vec<f32> {
    struct Flat(Vec<f32>);
    impl ModuleVisitor for Flat {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(param.val().inner().into_data().iter::<f32>());
        }
    }
    let mut flat = Flat(Vec::new());
    module.visit(&mut flat);
    flat.0
}

/// `module` with all of its parameters replaced, in the order of [`flat_parameters`].
///
/// # Errors
///
/// Refuses another number of values than the module has.
pub fn with_flat<M: Module>(module: M, values: &[f32]) -> Result<M, ModelError> {
    let own = module.num_params();
    if own != values.len() {
        return Err(ModelError::Shape {
            operation: "replacing parameters",
            left_name: "the number of the model's",
            left: vec![own],
            right_name: "the number of given ones",
            right: vec![values.len()],
        });
    }
    Ok(replaced(module, values))
}

/// `module` with its parameters in `f32`.
pub fn in_single<M: Module>(module: M) -> M {
    struct Single;
    impl ModuleMapper for Single {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let single = param.val().inner().cast(DType::F32);
            Param::initialized(param.id, Tensor::from_inner(single).require_grad())
        }
    }
    module.map(&mut Single)
}

/// `module` with its parameters replaced by `values`, of which there are as many.
fn replaced<M: Module, E: Element>(module: M, values: &[E]) -> M {
    struct Replacer<'a, E>(&'a [E]);
    impl<E: Element> ModuleMapper for Replacer<'_, E> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let old = param.val();
            let (own, rest) = self.0.split_at(old.shape().num_elements());
            self.0 = rest;
            let data = TensorData::new(own.to_vec(), old.dims());
            let new = Tensor::from_data(data, (&old.device(), old.dtype()));
            Param::initialized(param.id, new.require_grad())
        }
    }
    module.map(&mut Replacer(values))
}

/// The gradient by every parameter of `model`, in the order of [`flat_parameters`].
///
/// A parameter without a gradient does not influence the objective: its gradient is zero.
pub fn flat_gradient<M: Module>(model: &M, gradients: &GradientsParams) -> Vec<f64> {
    struct Flat<'a>(&'a GradientsParams, Vec<f64>);
    impl ModuleVisitor for Flat<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let slope = self.0.get::<D>(param.id);
            let slope = slope.unwrap_or_else(|| param.val().inner().zeros_like());
            self.1.extend(slope.into_data().iter::<f64>());
        }
    }
    let mut flat = Flat(gradients, Vec::new());
    model.visit(&mut flat);
    flat.1
}

/// The gradient of every parameter of `model` under its name, row by row.
pub fn named_gradients<M: Module>(
    model: &M,
    gradients: &GradientsParams,
) -> Vec<(String, Vec<f64>)> {
    by_parameter(model, &flat_gradient(model, gradients))
}

/// A flat vector in the order of [`flat_parameters`], parameter by parameter, under their names.
///
/// # Panics
///
/// Panics where it is shorter than the model's.
pub fn by_parameter<M: Module>(model: &M, flat: &[f64]) -> Vec<(String, Vec<f64>)> {
    let mut rest = flat;
    let mut own = |parameter: NamedParameter| {
        let (own, after) = rest.split_at(parameter.values.len());
        rest = after;
        (parameter.name, own.to_vec())
    };
    named_parameters(model).into_iter().map(&mut own).collect()
}
