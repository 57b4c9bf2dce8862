//! Burn's tensor operations, on any of its devices, by either gradient rule.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};
use sae_model::{
    Batch as _, DeltaRule, Figures, Gradient as TensorGradient, ModelError, Objective, Value,
    flat_gradient, flat_parameters, with_flat,
};

use super::per_parameter::{PerParameter, gradient_squares, per_parameter, registered, step};
use super::{
    Executor, ExecutorKind, ExecutorState, Gradient, Mean, Step, TensorName, check_length, norm,
};
use crate::{Batch, FromHost, Optimizer, RhoHat, TrainError, Training};

/// A gradient rule for one objective.
type GradientOf<O> = fn(&O, &<O as Objective>::Model, &<O as Objective>::Batch) -> TensorGradient;

/// A model on a device of Burn.
pub struct OnBurn<O: Objective> {
    objective: O,
    model: Option<O::Model>,
    kind: ExecutorKind,
    gradient: GradientOf<O>,
    tensors: Vec<TensorName>,
    optimizer: Option<Box<dyn PerParameter>>,
    method: Optimizer,
    clip: Option<f64>,
    device: Device,
    dtype: DType,
    inputs: usize,
    hidden: usize,
    estimator: RhoHat,
    decay: f64,
    /// The estimate of ρ̂, `[1, hidden]`.
    estimate: Option<Tensor<2>>,
    /// The figures of the steps so far, on the device, so that no step waits for it.
    unread: Option<(Value, usize)>,
    /// The same of a state that was put back, before the first step from there.
    mean: Mean,
    sum: Option<Gradient>,
    /// Of the last step, on the device.
    last: Option<GradientsParams>,
}

/// Samples of a part: with its intermediate results it stays well below a gigabyte.
const PART: usize = 4096;

impl<O: Objective> OnBurn<O>
where
    O::Batch: FromHost,
{
    /// Trains by automatic differentiation, which any objective allows. `hidden` is the number of
    /// hidden units whose mean activity the objective depends on, 0 for none.
    pub fn autodiff(
        objective: O,
        model: O::Model,
        hidden: usize,
        training: &Training,
        device: &Device,
    ) -> Self {
        Self::new(
            (ExecutorKind::Autodiff, TensorGradient::by_autodiff),
            (objective, model, hidden),
            training,
            device,
        )
    }

    /// Trains by the hand-derived delta rules.
    pub fn delta(
        objective: O,
        model: O::Model,
        hidden: usize,
        training: &Training,
        device: &Device,
    ) -> Self
    where
        O: DeltaRule,
    {
        Self::new(
            (ExecutorKind::Delta, O::delta),
            (objective, model, hidden),
            training,
            device,
        )
    }

    fn new(
        (kind, gradient): (ExecutorKind, GradientOf<O>),
        (objective, model, hidden): (O, O::Model, usize),
        training: &Training,
        device: &Device,
    ) -> Self {
        let (dtype, inputs) = first_weight(&model);
        let tensors = TensorName::all(&model);
        Self {
            optimizer: per_parameter(training, tensors.len()),
            tensors,
            method: training.optimizer,
            clip: training.clip(),
            dtype,
            inputs,
            objective,
            model: Some(model),
            kind,
            gradient,
            device: device.clone(),
            hidden,
            estimator: training.rho_hat,
            decay: training.rho_hat_decay,
            estimate: None,
            unread: None,
            mean: Mean::default(),
            sum: None,
            last: None,
        }
    }

    /// The model as it is now.
    pub fn model(&self) -> &O::Model {
        self.model.as_ref().expect("a step puts the model back")
    }

    fn batch(&self, batch: &Batch<'_>) -> Result<O::Batch, TrainError> {
        for table in [Some(batch.inputs), batch.targets].into_iter().flatten() {
            let found = table.samples.width();
            if found != self.inputs {
                return Err(TrainError::Model(ModelError::Shape {
                    operation: "bringing samples to a model",
                    left_name: "the samples",
                    left: vec![table.selected.count(), found],
                    right_name: "the model's input",
                    right: vec![self.inputs],
                }));
            }
        }
        O::Batch::from_host(batch, &self.device, self.dtype)
    }

    /// The minibatch with the ρ̂ that it is to use.
    fn with_estimate(&mut self, batch: O::Batch) -> O::Batch {
        let Some(estimate) = self.estimate.take() else {
            return batch;
        };
        let estimate = match self.estimator {
            RhoHat::Running => match self.objective.mean_activity(self.model(), &batch) {
                Some(own) => estimate.mul_scalar(self.decay) + own.mul_scalar(1.0 - self.decay),
                None => estimate,
            },
            RhoHat::Batch | RhoHat::Full => estimate,
        };
        self.estimate = Some(estimate.clone());
        batch.with_rho_hat(estimate)
    }

    fn row(&self, values: &[f64]) -> Tensor<2> {
        let data = TensorData::new(values.to_vec(), [1, values.len()]);
        Tensor::from_data(data, (&self.device, self.dtype))
    }

    /// Moves the parameters by a gradient of length `norm`.
    fn moved(
        &mut self,
        learning_rate: f64,
        gradients: &GradientsParams,
        norm: f64,
    ) -> Result<Step, TrainError> {
        let Some(optimizer) = self.optimizer.as_deref_mut() else {
            return Err(TrainError::LineSearchUpdate);
        };
        let shorter = self.clip.filter(|&most| norm > most);
        let scale = shorter.map(|most| most / norm);
        let model = self.model.take().expect("a step puts the model back");
        self.model = Some(step(optimizer, learning_rate, model, (gradients, scale)));
        Ok(match scale {
            Some(_) => Step::Clipped,
            None => Step::Taken,
        })
    }

    /// ‖∇J‖; nothing where J, its gradient or a parameter is not finite. Waits for the device.
    fn finite_norm(&self, found: &TensorGradient) -> Option<f64> {
        let squares = gradient_squares(self.model(), &found.gradients)?;
        let objective = found.value.terms.clone().inner().sum().cast(self.dtype);
        let squares = squares + objective * 0.0;
        let squares: Option<f64> = squares.into_data().iter::<f64>().next();
        match squares.filter(|squares| squares.is_finite()) {
            Some(squares) => Some(squares.sqrt()),
            // Squares and terms may be too large for the model's type where the numbers are not.
            None => self.finite_norm_on_host(found),
        }
    }

    fn finite_norm_on_host(&self, found: &TensorGradient) -> Option<f64> {
        let norm = norm(&flat_gradient(self.model(), &found.gradients));
        let parameters = self.parameters();
        let finite = norm.is_finite()
            && found.value.total().is_finite()
            && parameters.iter().all(|value| value.is_finite());
        finite.then_some(norm)
    }

    /// The figures of the steps so far.
    fn read_mean(&self) -> Mean {
        match &self.unread {
            Some((sum, rows)) => Mean {
                sum: sum.to_host(self.objective.terms()),
                rows: *rows,
            },
            None => self.mean.clone(),
        }
    }
}

impl<O: Objective> Executor for OnBurn<O>
where
    O::Batch: FromHost,
{
    fn tensors(&self) -> &[TensorName] {
        &self.tensors
    }

    fn parameters(&self) -> Vec<f32> {
        flat_parameters(self.model())
    }

    fn set_parameters(&mut self, parameters: &[f32]) -> Result<(), TrainError> {
        let model = self.model().clone();
        self.model = Some(with_flat(model, parameters)?);
        Ok(())
    }

    fn hidden(&self) -> usize {
        self.hidden
    }

    fn part_size(&self) -> usize {
        PART
    }

    fn forward(
        &mut self,
        part: &Batch<'_>,
        rows: usize,
        activity: &mut [f64],
    ) -> Result<(), TrainError> {
        let batch = self.batch(part)?;
        let share = part.rows() as f64 / rows as f64;
        if let Some(mean) = self.objective.mean_activity(self.model(), &batch) {
            let mean = mean.into_data();
            let pairs = activity.iter_mut().zip(mean.iter::<f64>());
            pairs.for_each(|(sum, mean)| *sum += share * mean);
        }
        Ok(())
    }

    fn backward(
        &mut self,
        part: &Batch<'_>,
        rows: usize,
        activity: &[f64],
    ) -> Result<(), TrainError> {
        check_length("the mean activities", activity.len(), self.hidden)?;
        let mut batch = self.batch(part)?;
        if !activity.is_empty() {
            batch = batch.with_rho_hat(self.row(activity));
        }
        let found = (self.gradient)(&self.objective, self.model(), &batch);
        let share = part.rows() as f64 / rows as f64;
        let mut figures = Figures::default();
        figures.add(&found.value.to_host(self.objective.terms()), share);
        let mut values = flat_gradient(self.model(), &found.gradients);
        values.iter_mut().for_each(|g| *g *= share);
        let sum = self.sum.get_or_insert_default();
        sum.add(&Gradient { figures, values });
        Ok(())
    }

    fn finish(&mut self) -> Result<Gradient, TrainError> {
        self.sum.take().ok_or(TrainError::NothingAddedUp)
    }

    fn update(&mut self, gradient: &[f64], learning_rate: f64) -> Result<Step, TrainError> {
        let count = self.tensors.iter().map(|tensor| tensor.count).sum();
        check_length("the gradient", gradient.len(), count)?;
        let norm = norm(gradient);
        let finite = self.parameters().iter().all(|value| value.is_finite());
        if !norm.is_finite() || !finite {
            return Ok(Step::Refused);
        }
        let gradients = registered(self.model(), gradient);
        self.moved(learning_rate, &gradients, norm)
    }

    fn step(&mut self, batch: &Batch<'_>, learning_rate: f64) -> Result<Step, TrainError> {
        let rows = batch.rows();
        let batch = self.batch(batch)?;
        let estimate = self.estimate.clone();
        let batch = self.with_estimate(batch);
        let found = (self.gradient)(&self.objective, self.model(), &batch);
        let Some(norm) = self.finite_norm(&found) else {
            self.estimate = estimate;
            self.last = Some(found.gradients);
            return Ok(Step::Refused);
        };
        let value = found.value.scaled(rows as f64);
        // What was put back goes on on the device, in the types in which it was added up.
        let restored = std::mem::take(&mut self.mean);
        let before = match self.unread.take() {
            None if restored.rows > 0 => {
                let names = self.objective.terms();
                Some((value.with_figures(names, &restored.sum)?, restored.rows))
            }
            unread => unread,
        };
        self.unread = Some(match before {
            Some((sum, before)) => (sum.plus(value), before + rows),
            None => (value, rows),
        });
        let step = self.moved(learning_rate, &found.gradients, norm)?;
        self.last = Some(found.gradients);
        Ok(step)
    }

    fn last_gradient(&self) -> Vec<f64> {
        let none = GradientsParams::new();
        let last = self.last.as_ref().unwrap_or(&none);
        flat_gradient(self.model(), last)
    }

    fn take_mean(&mut self) -> Figures {
        let mut mean = self.read_mean();
        (self.unread, self.mean) = (None, Mean::default());
        mean.take()
    }

    fn figures(&mut self, batch: &Batch<'_>) -> Result<Figures, TrainError> {
        let batch = self.batch(batch)?;
        let value = self.objective.value(&self.model().valid(), &batch);
        Ok(value.to_host(self.objective.terms()))
    }

    fn set_rho_hat(&mut self, rho_hat: &[f64]) -> Result<(), TrainError> {
        check_length("the estimate of rho_hat", rho_hat.len(), self.hidden)?;
        self.estimate = Some(self.row(rho_hat));
        Ok(())
    }

    fn state(&self) -> ExecutorState {
        let estimate = self.estimate.clone();
        ExecutorState {
            executor: self.kind,
            method: self.method,
            parameters: self.parameters(),
            optimizer: self
                .optimizer
                .as_ref()
                .map(|o| o.state())
                .unwrap_or_default(),
            rho_hat: estimate.map(|row| row.into_data().iter::<f64>().collect()),
            mean: self.read_mean(),
        }
    }

    fn restore(&mut self, state: &ExecutorState) -> Result<(), TrainError> {
        let sizes: Vec<usize> = self.tensors.iter().map(|tensor| tensor.count).collect();
        state.check(self.kind, self.method, sizes.iter().sum())?;
        if let Some(optimizer) = self.optimizer.as_deref_mut() {
            optimizer.restore(&state.optimizer, &sizes, &self.device)?;
        }
        self.set_parameters(&state.parameters)?;
        self.estimate = None;
        if let Some(rho_hat) = &state.rho_hat {
            self.set_rho_hat(rho_hat)?;
        }
        (self.unread, self.mean) = (None, state.mean.clone());
        (self.sum, self.last) = (None, None);
        Ok(())
    }
}

/// The type of a model's numbers and its inputs: every model begins with the weight `[input, unit]`
/// of its first layer.
fn first_weight<M: Module>(model: &M) -> (DType, usize) {
    let parameters = sae_model::named_parameters(model);
    let first = parameters.first();
    let of = |first: &sae_model::NamedParameter| (first.dtype, first.shape[0]);
    first.map_or((DType::F32, 0), of)
}
