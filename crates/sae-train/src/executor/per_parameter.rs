//! Burn's optimizers, parameter by parameter, with a state that can be taken out.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{
    AdamConfig, AdamWConfig, GradientsParams, Optimizer as BurnOptimizer, RecordState,
    RmsPropConfig, SgdConfig, StateSink, StateSource,
};
use burn::tensor::{Device, Tensor, TensorData};

use super::OptimizerState;
use crate::{Optimizer, TrainError, Training};

/// One of Burn's optimizers for all parameters of a module. Every parameter is a vector to it: they
/// all work element by element.
pub(crate) trait PerParameter {
    /// One step of parameter number `index`, which is a weight or a bias.
    fn step(
        &mut self,
        index: usize,
        is_bias: bool,
        learning_rate: f64,
        values: Tensor<1>,
        gradient: Tensor<1>,
    ) -> Tensor<1>;

    fn state(&self) -> OptimizerState;

    fn restore(
        &mut self,
        state: &OptimizerState,
        sizes: &[usize],
        device: &Device,
    ) -> Result<(), TrainError>;
}

struct Stateful<O: BurnOptimizer> {
    weights: O,
    biases: O,
    states: Vec<Option<O::State<1>>>,
}

/// The optimizer of some settings for `count` parameters; nothing for a line search.
pub(crate) fn per_parameter(training: &Training, count: usize) -> Option<Box<dyn PerParameter>> {
    fn of<O: BurnOptimizer>(weights: O, biases: O, count: usize) -> Box<dyn PerParameter> {
        Box::new(Stateful {
            weights,
            biases,
            states: vec![None; count],
        })
    }
    let (beta1, beta2) = (training.beta1 as f32, training.beta2 as f32);
    let (epsilon, momentum) = (training.epsilon as f32, training.momentum);
    Some(match training.optimizer {
        Optimizer::Sgd => {
            let momentum = MomentumConfig::new()
                .with_momentum(momentum)
                .with_dampening(0.0)
                .with_nesterov(training.nesterov);
            let sgd = SgdConfig::new().with_momentum(Some(momentum)).build();
            of(sgd.clone(), sgd, count)
        }
        Optimizer::Adam => {
            let adam = AdamConfig::new()
                .with_beta_1(beta1)
                .with_beta_2(beta2)
                .with_epsilon(epsilon)
                .build();
            of(adam.clone(), adam, count)
        }
        Optimizer::AdamW => {
            let config = AdamWConfig::new()
                .with_beta_1(beta1)
                .with_beta_2(beta2)
                .with_epsilon(epsilon);
            let biases = config.clone().with_weight_decay(0.0).build();
            let decay = training.decoupled_weight_decay as f32;
            of(config.with_weight_decay(decay).build(), biases, count)
        }
        Optimizer::RmsProp => {
            let rmsprop = RmsPropConfig::new()
                .with_alpha(training.alpha as f32)
                .with_momentum(momentum as f32)
                .with_epsilon(epsilon)
                .build();
            of(rmsprop.clone(), rmsprop, count)
        }
        Optimizer::Lbfgs | Optimizer::Cg => return None,
    })
}

impl<O: BurnOptimizer> PerParameter for Stateful<O> {
    fn step(
        &mut self,
        index: usize,
        is_bias: bool,
        learning_rate: f64,
        values: Tensor<1>,
        gradient: Tensor<1>,
    ) -> Tensor<1> {
        let optimizer = if is_bias { &self.biases } else { &self.weights };
        let state = self.states[index].take();
        let (values, state) = optimizer.step(learning_rate, values, gradient, state);
        self.states[index] = state;
        values
    }

    fn state(&self) -> OptimizerState {
        let mut sink = StateSink::default();
        for (index, state) in self.states.iter().enumerate() {
            if let Some(state) = state {
                state.state_flatten(&index.to_string(), &mut sink);
            }
        }
        let vector = |(name, data): (String, TensorData)| (name, data.iter::<f32>().collect());
        let vectors = sink.tensors.into_iter().map(vector).collect();
        // Burn's scalars are counts of steps.
        let count = |(name, value)| u64::try_from(value).ok().map(|value| (name, value));
        let counts = sink.scalars.into_iter().filter_map(count).collect();
        OptimizerState { vectors, counts }
    }

    fn restore(
        &mut self,
        state: &OptimizerState,
        sizes: &[usize],
        device: &Device,
    ) -> Result<(), TrainError> {
        let scalars = state.counts.iter();
        let scalars = scalars.map(|(name, &count)| (name.clone(), count.into()));
        let mut source = StateSource::new(scalars.collect());
        for (name, values) in &state.vectors {
            let index = name.split('.').next().and_then(|n| n.parse::<usize>().ok());
            let size = index.and_then(|index| sizes.get(index)).copied();
            super::check_length("a vector of the optimizer", values.len(), size.unwrap_or(0))?;
            source.insert_tensor(name.clone(), TensorData::from(&values[..]));
        }
        for (index, own) in self.states.iter_mut().enumerate() {
            *own = O::State::<1>::state_unflatten(&index.to_string(), &mut source, device);
        }
        Ok(())
    }
}

/// `module` after one step of all of its parameters by their gradients, each times `scale`.
pub(crate) fn step<M: Module>(
    optimizer: &mut dyn PerParameter,
    learning_rate: f64,
    module: M,
    (gradients, scale): (&GradientsParams, Option<f64>),
) -> M {
    struct Stepper<'a> {
        optimizer: &'a mut dyn PerParameter,
        learning_rate: f64,
        gradients: &'a GradientsParams,
        scale: Option<f64>,
        index: usize,
    }
    impl ModuleMapper for Stepper<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let index = self.index;
            self.index += 1;
            let Some(gradient) = self.gradients.get::<D>(param.id) else {
                return param;
            };
            let gradient = match self.scale {
                Some(scale) => gradient.mul_scalar(scale),
                None => gradient,
            };
            let (id, values) = (param.id, param.val().inner());
            let shape = values.shape();
            let count = shape.num_elements();
            let moved = self.optimizer.step(
                index,
                D == 1,
                self.learning_rate,
                values.reshape([count]),
                gradient.reshape([count]),
            );
            let moved: Tensor<D> = moved.reshape(shape);
            Param::initialized(id, Tensor::from_inner(moved).require_grad())
        }
    }
    module.map(&mut Stepper {
        optimizer,
        learning_rate,
        gradients,
        scale,
        index: 0,
    })
}

/// Σ (∂J/∂θ)² over all parameters, in the type of the model; no finite number where that sum or any
/// parameter is none.
pub(crate) fn gradient_squares<M: Module>(
    module: &M,
    gradients: &GradientsParams,
) -> Option<Tensor<1>> {
    struct Squares<'a>(&'a GradientsParams, Option<Tensor<1>>);
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            // The sum of finite parameters, times 0.
            let mut own = (param.val().inner() * 0.0).sum();
            if let Some(slopes) = self.0.get::<D>(param.id) {
                own = own + (slopes.clone() * slopes).sum();
            }
            self.1 = Some(match self.1.take() {
                Some(sum) => sum + own,
                None => own,
            });
        }
    }
    let mut squares = Squares(gradients, None);
    module.visit(&mut squares);
    squares.1
}

/// A flat gradient under the ids of a module's parameters.
pub(crate) fn registered<M: Module>(module: &M, flat: &[f64]) -> GradientsParams {
    struct Registrar<'a>(&'a [f64], GradientsParams);
    impl ModuleVisitor for Registrar<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val().inner();
            let (own, rest) = self.0.split_at(tensor.shape().num_elements());
            self.0 = rest;
            let data = TensorData::new(own.to_vec(), tensor.dims());
            let place = (&tensor.device(), tensor.dtype());
            self.1
                .register(param.id, Tensor::<D>::from_data(data, place));
        }
    }
    let mut registrar = Registrar(flat, GradientsParams::new());
    module.visit(&mut registrar);
    registrar.1
}
