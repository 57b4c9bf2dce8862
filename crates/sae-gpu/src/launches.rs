//! The launches that take a batch through a model and back, in their order: what each kernel is given.

use cubecl::prelude::CubeCount;
use sae_kernels::{Reconstruction, Unit};

use crate::device::{Buffer, cube};
use crate::kernels::back::{BackForm, Rest, back};
use crate::kernels::classify::{ClassifyForm, classify, weigh, weigh_and_classify};
use crate::kernels::decode::{DecodeForm, decode};
use crate::kernels::encode::{EncodeForm, SelectForm, encode, select_largest};
use crate::kernels::gradients::{GradientsForm, gradients};
use crate::kernels::samples::Inputs;
use crate::model::Model;
use crate::plan::Plan;
use crate::samples::Batch;
use crate::shape::{Purpose, bits};
use crate::tiling::Tiling;
use crate::work::Work;

/// One way of a batch through the model and back.
pub(crate) struct Pass<'a> {
    pub inputs: Batch<'a>,
    /// Where they are not the inputs.
    pub targets: Option<Batch<'a>>,
    pub labels: &'a [u32],
    /// Samples of the whole, of which the batch may be a part.
    pub whole: usize,
    /// Which ρ̂ is used, and how much of the estimate is kept.
    pub which: u32,
    pub keep: f32,
}

fn tiles_of(tiling: Tiling, rows: usize, columns: usize) -> CubeCount {
    CubeCount::Static(tiling.tiles(columns) as u32, tiling.tiles(rows) as u32, 1)
}

pub(crate) fn along(count: usize) -> CubeCount {
    CubeCount::Static(count as u32, 1, 1)
}

// Each kernel reads and writes below the ends of what it is given: the sizes are those of the same shape and plan.
#[allow(unsafe_code)]
impl Model {
    /// Forward through the hidden layers.
    pub(crate) fn encode(&self, inputs: Batch<'_>) {
        let order = inputs.order(&self.gpu, &self.nothing);
        self.encode_in(inputs, &order);
    }

    fn encode_in(&self, inputs: Batch<'_>, order: &Buffer) {
        let work = &self.work;
        let rows = inputs.count();
        for (index, (&layer, &tiling)) in
            self.shape.layers.iter().zip(&self.plan.hidden).enumerate()
        {
            let activation = self.shape.units[index];
            let sums = self.shape.hidden() > 0;
            let form = EncodeForm {
                layer,
                unit: activation.unit,
                inputs: self.inputs_of(index, inputs),
                sums: sums && activation.top_k.is_none(),
                tiling,
            };
            self.gpu.count_launch();
            // SAFETY: see above.
            unsafe {
                encode::launch_unchecked(
                    &self.gpu.client,
                    tiles_of(tiling, rows, layer.outputs),
                    cube(),
                    inputs.samples.values.arg(),
                    order.arg(),
                    self.values.arg(),
                    work.codes.arg(),
                    work.activity.arg(),
                    rows as u32,
                    inputs.first(),
                    form,
                );
            }
            if let Some(keep) = activation.top_k {
                let form = SelectForm {
                    layer,
                    keep,
                    sums,
                    tiling,
                };
                self.gpu.count_launch();
                // SAFETY: see above.
                unsafe {
                    select_largest::launch_unchecked(
                        &self.gpu.client,
                        along(tiling.tiles(rows)),
                        cube(),
                        work.codes.arg(),
                        work.activity.arg(),
                        rows as u32,
                        form,
                    );
                }
            }
        }
    }

    /// What a layer reads: the first one samples, each other what the layer before it gives.
    fn inputs_of(&self, index: usize, samples: Batch<'_>) -> Inputs {
        let layer = self.shape.layers[index];
        Inputs {
            samples: (index == 0).then(|| samples.form()),
            start: layer.before.saturating_sub(layer.inputs),
            right: layer.forward(),
        }
    }

    /// Forward, back, and the weight gradients.
    pub(crate) fn run(&self, pass: &Pass<'_>) {
        let work = &self.work;
        let order = pass.inputs.order(&self.gpu, &self.nothing);
        self.encode_in(pass.inputs, &order);
        match &self.shape.purpose {
            Purpose::Reconstruction(config) => {
                self.decode(pass, &order, config.decoder, config.reconstruction);
            }
            Purpose::Classes => self.classify(pass, work, &order),
        }
        for index in (0..self.plan.hidden.len()).rev() {
            self.back(pass, work, index);
        }
        self.weight_gradients(pass, work, &order);
    }

    fn decode(&self, pass: &Pass<'_>, order: &Buffer, unit: Unit, reconstruction: Reconstruction) {
        let work = &self.work;
        let (layer, tiling) = (self.shape.last(), self.plan.last);
        let rows = pass.inputs.count();
        let targets = pass.targets.unwrap_or(pass.inputs);
        let order = match pass.targets {
            None => order.clone(),
            Some(targets) => targets.order(&self.gpu, &self.nothing),
        };
        let form = DecodeForm {
            layer,
            codes: layer.before - layer.inputs,
            unit,
            reconstruction,
            targets: targets.form(),
            biases: layer.before,
            outputs: self.shape.outputs,
            tiling,
        };
        self.gpu.count_launch();
        // SAFETY: see above.
        unsafe {
            decode::launch_unchecked(
                &self.gpu.client,
                tiles_of(tiling, rows, layer.outputs),
                cube(),
                targets.samples.values.arg(),
                order.arg(),
                self.values.arg(),
                work.codes.arg(),
                work.deltas.arg(),
                work.biases.arg(),
                work.terms.arg(),
                rows as u32,
                targets.first(),
                1.0 / pass.whole as f32,
                form,
            );
        }
    }

    fn classify(&self, pass: &Pass<'_>, work: &Work, order: &Buffer) {
        let (layer, tiling) = (self.shape.last(), self.plan.last);
        let rows = pass.inputs.count();
        let form = ClassifyForm {
            layer,
            inputs: self.inputs_of(self.plan.hidden.len(), pass.inputs),
            biases: layer.before,
            outputs: self.shape.outputs,
            tiling,
        };
        let labels = self.gpu.buffer(pass.labels);
        if layer.outputs <= tiling.side() {
            self.gpu.count_launch();
            // SAFETY: see above.
            unsafe {
                weigh_and_classify::launch_unchecked(
                    &self.gpu.client,
                    along(tiling.tiles(rows)),
                    cube(),
                    pass.inputs.samples.values.arg(),
                    order.arg(),
                    self.values.arg(),
                    work.codes.arg(),
                    labels.arg(),
                    work.deltas.arg(),
                    work.biases.arg(),
                    work.terms.arg(),
                    rows as u32,
                    pass.inputs.first(),
                    1.0 / pass.whole as f32,
                    form,
                );
            }
            return;
        }
        self.gpu.count_launch();
        // SAFETY: see above.
        unsafe {
            weigh::launch_unchecked(
                &self.gpu.client,
                tiles_of(tiling, rows, layer.outputs),
                cube(),
                pass.inputs.samples.values.arg(),
                order.arg(),
                self.values.arg(),
                work.codes.arg(),
                work.deltas.arg(),
                rows as u32,
                pass.inputs.first(),
                form,
            );
        }
        self.gpu.count_launch();
        // SAFETY: see above.
        unsafe {
            classify::launch_unchecked(
                &self.gpu.client,
                along(tiling.tiles(rows)),
                cube(),
                labels.arg(),
                work.deltas.arg(),
                work.biases.arg(),
                work.terms.arg(),
                rows as u32,
                1.0 / pass.whole as f32,
                form,
            );
        }
    }

    fn back(&self, pass: &Pass<'_>, work: &Work, index: usize) {
        let (layer, next) = (self.shape.layers[index], self.shape.layers[index + 1]);
        let tiling = self.plan.hidden[index];
        let rows = pass.inputs.count();
        let activation = self.shape.units[index];
        let form = BackForm {
            layer,
            next,
            unit: activation.unit,
            selects: activation.top_k.is_some(),
            rest: self.rest(),
            biases: layer.before,
            outputs: self.shape.outputs,
            tiling,
        };
        let first_term = 2 * self.pairs(rows);
        self.gpu.count_launch();
        // SAFETY: see above.
        unsafe {
            back::launch_unchecked(
                &self.gpu.client,
                tiles_of(tiling, rows, layer.outputs),
                cube(),
                self.values.arg(),
                work.codes.arg(),
                work.deltas.arg(),
                work.activity.arg(),
                self.means.arg(),
                work.biases.arg(),
                work.terms.arg(),
                rows as u32,
                1.0 / pass.whole as f32,
                pass.which,
                pass.keep,
                first_term as u32,
                form,
            );
        }
    }

    /// What keeps the units of a hidden layer at rest.
    fn rest(&self) -> Option<Rest> {
        let Purpose::Reconstruction(config) = &self.shape.purpose else {
            return None;
        };
        let unit = config.encoder.unit;
        Some(Rest {
            beta: bits(config.beta),
            rho: bits(config.rho),
            clamp: bits(config.clamp),
            l1: bits(config.l1),
            shift: bits(unit.mean_activity(0.0)),
            factor: bits(unit.activity_slope()),
        })
    }

    /// Tiles of the last layer, each of which has two numbers among the terms.
    pub(crate) fn pairs(&self, rows: usize) -> usize {
        let tiles = self.plan.last.tiles(rows);
        match self.shape.purpose {
            Purpose::Reconstruction(_) => tiles * self.plan.last.tiles(self.shape.last().outputs),
            Purpose::Classes => tiles,
        }
    }

    /// Tiles of the hidden layer, each of which has a number after those.
    pub(crate) fn singles(&self, rows: usize) -> usize {
        match (&self.shape.purpose, self.plan.hidden.first()) {
            (Purpose::Reconstruction(config), Some(tiling)) => {
                tiling.tiles(rows) * tiling.tiles(config.hidden)
            }
            _ => 0,
        }
    }

    fn weight_gradients(&self, pass: &Pass<'_>, work: &Work, order: &Buffer) {
        let rows = pass.inputs.count();
        let tiles: usize = self.shape.weights.iter().map(|w| w.tiles()).sum();
        let (splits, part) = Plan::splits(&self.shape, rows);
        let form = GradientsForm {
            weights: self.shape.weights.clone(),
            samples: pass.inputs.form(),
            parameters: self.shape.parameters,
        };
        self.gpu.count_launch();
        // SAFETY: see above.
        unsafe {
            gradients::launch_unchecked(
                &self.gpu.client,
                CubeCount::Static(tiles as u32, splits as u32, 1),
                cube(),
                pass.inputs.samples.values.arg(),
                order.arg(),
                work.codes.arg(),
                work.deltas.arg(),
                work.parts.arg(),
                rows as u32,
                pass.inputs.first(),
                part as u32,
                form,
            );
        }
    }
}
