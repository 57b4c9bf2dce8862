//! The parameters of any module as named arrays, for saving, loading and checking.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{DType, Tensor, TensorData};

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
    let mut values = HashMap::new();
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
        values.insert(parameter.id, given.values.clone());
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
    Ok(module.map(&mut Replacer { values }))
}

struct Replacer {
    values: HashMap<ParamId, Vec<f64>>,
}

impl ModuleMapper for Replacer {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(values) = self.values.remove(&param.id) else {
            return param;
        };
        let old = param.val();
        let data = TensorData::new(values, old.dims());
        let new = Tensor::from_data(data, (&old.device(), old.dtype()));
        Param::initialized(param.id, new.require_grad())
    }
}
