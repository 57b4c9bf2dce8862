//! What pretraining is worth: accuracy against the share of samples that have labels.

mod report;

use std::time::Instant;

use sae_data::{Dataset, Stream, stream};
use sae_kernels::Setting;
use sae_kernels::setting::at_least_one;
use sae_model::SparseAutoencoder;
use sae_stack::{Observer, Parts, StackData, StackSettings};
use sae_train::BatchSize;

pub use self::report::{ClassifierKind, LabelsFigure, LabelsFit, LabelsReport};
use crate::{Error, Experiment, Prepared};

/// Which classifiers are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelsPlan {
    /// Shares of the training and validation samples that have labels, in (0, 1].
    pub shares: Vec<f64>,
    /// Number of seeds: the experiment's, and those that follow it.
    pub seeds: u64,
}

impl Default for LabelsPlan {
    fn default() -> Self {
        Self {
            shares: vec![0.01, 0.05, 0.1, 1.0],
            seeds: 5,
        }
    }
}

impl LabelsPlan {
    /// Checks the shares and the number of seeds.
    ///
    /// # Errors
    ///
    /// Refuses shares outside (0, 1], none, and one twice, and no seeds.
    pub fn check(&self) -> Result<(), Setting> {
        let refuse = |found: String, expected| Err(Setting::new("shares", found, expected));
        let expected = "at least one number in (0, 1], each once";
        if self.shares.is_empty() {
            return refuse("empty".to_owned(), expected);
        }
        for (place, &share) in self.shares.iter().enumerate() {
            if !(share > 0.0 && share <= 1.0) {
                return refuse(share.to_string(), expected);
            }
            if self.shares[..place].contains(&share) {
                return refuse(format!("{share} twice"), expected);
            }
        }
        at_least_one("seeds", self.seeds as usize)
    }
}

/// Told about progress: of pretraining and training as any [`Observer`], and of every classifier.
pub trait LabelsObserver: Observer {
    /// A classifier is trained and evaluated.
    fn fitted(&mut self, _fit: &LabelsFit) {}
}

/// Nobody is told.
impl LabelsObserver for () {}

impl Experiment {
    /// For each seed, pretrains the stack on all training samples without labels, and for each share
    /// of labels trains three classifiers on the samples that have one: the pretrained network, the
    /// same network from random initialisation, and a softmax head on the inputs. Each is trained
    /// until validation ends it, and evaluated on all test samples.
    ///
    /// The labelled samples are a share of each class of the training and of the validation samples,
    /// drawn with the seed; smaller shares lie within larger ones. Epochs are stretched so that few
    /// samples get as many steps as all would ([`Training::stretched`](sae_train::Training::stretched)).
    /// With the share 1 the pretrained network is that of [`Experiment::run`], and the one from random
    /// initialisation its control, to the last bit.
    ///
    /// # Errors
    ///
    /// As [`Experiment::run`]; refuses an experiment without a classifier, and one whose training is
    /// not ended by validation.
    pub fn labels(
        &self,
        plan: &LabelsPlan,
        observer: &mut dyn LabelsObserver,
    ) -> Result<LabelsReport, Error> {
        let started = Instant::now();
        plan.check()?;
        self.check_ends_by_validation()?;
        let seeds: Vec<u64> = (0..plan.seeds)
            .map(|n| self.seed.saturating_add(n))
            .collect();
        let experiments = seeds.iter().map(|&seed| Self {
            seed,
            ..self.clone()
        });
        let experiments: Vec<Self> = experiments.collect();
        for experiment in &experiments {
            experiment.check()?;
        }
        let mut shares = plan.shares.clone();
        shares.sort_by(f64::total_cmp);
        let mut fits = Vec::new();
        let mut sizes = (0, 0);
        for experiment in &experiments {
            let prepared = experiment.prepare()?;
            sizes = (prepared.facts.train, prepared.facts.test);
            fits.extend(prepared.labels(&shares, observer)?);
        }
        Ok(LabelsReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seeds,
            pretrained_on: sizes.0,
            test: sizes.1,
            seconds: started.elapsed().as_secs_f64(),
            figures: report::figures(&fits),
            fits,
        })
    }

    fn check_ends_by_validation(&self) -> Result<(), Setting> {
        if !self.classifier {
            let expected = "true: what labels are worth shows in a classifier";
            return Err(Setting::new("classifier", false, expected));
        }
        for (table, training) in [("softmax", &self.softmax), ("finetune", &self.finetune)] {
            if training.validation_patience == 0 {
                let expected = "at least 1, with data.validation > 0: classifiers are compared \
                                once validation has ended their training";
                return Err(Setting::new("validation_patience", 0, expected).within(table));
            }
        }
        Ok(())
    }
}

impl Prepared {
    fn labels(
        &self,
        shares: &[f64],
        observer: &mut dyn LabelsObserver,
    ) -> Result<Vec<LabelsFit>, Error> {
        let all = Parts {
            settings: &self.settings,
            data: StackData::new(
                &self.data.train,
                self.data.validation.as_ref(),
                &self.data.test,
            ),
            compute: &self.compute,
        };
        // What the fewest labels are too few for is refused before pretraining.
        if let Some(&fewest) = shares.first() {
            let (train, _) = self.labelled(fewest)?;
            self.experiment.distributed.check_rows(train.rows())?;
        }
        let autoencoders = all.pretrain(observer)?;
        let mut fits = Vec::new();
        for &share in shares {
            let (train, validation) = self.labelled(share)?;
            let settings = self.settings_for(train.rows())?;
            let labelled = Labelled {
                share,
                seed: self.experiment.seed,
                parts: Parts {
                    settings: &settings,
                    data: StackData::new(&train, validation.as_ref(), &self.data.test),
                    compute: &self.compute,
                },
            };
            for kind in ClassifierKind::ALL {
                let fit = labelled.fit(kind, &autoencoders, observer)?;
                observer.fitted(&fit);
                fits.push(fit);
            }
        }
        Ok(fits)
    }

    /// The training and validation samples that keep their labels where only a share of them does.
    fn labelled(&self, share: f64) -> Result<(Dataset, Option<Dataset>), Error> {
        let some = |set: &Dataset, purpose| {
            let mut rng = stream(self.experiment.seed, purpose);
            set.share_of_classes(share, &mut rng)
        };
        let validation = self.data.validation.as_ref();
        let validation = validation.map(|set| some(set, Stream::LabelledValidation));
        Ok((
            some(&self.data.train, Stream::LabelledTrain)?,
            validation.transpose()?,
        ))
    }

    /// The settings of the classifiers for `rows` samples with labels.
    fn settings_for(&self, rows: usize) -> Result<StackSettings, Error> {
        let mut settings = self.experiment.settings(rows)?;
        let all = self.data.train.rows();
        let shards = self.experiment.distributed.shards;
        if let Some(classifier) = &mut settings.classifier {
            for training in [&mut classifier.softmax, &mut classifier.finetune] {
                *training = training.stretched(rows, all);
                // Of each shard a step takes as many rows; a few more than there are is as good as all.
                if let BatchSize::Rows(batch) = &mut training.batch {
                    *batch = batch.next_multiple_of(shards);
                }
            }
        }
        Ok(settings)
    }
}

/// The samples of one share of labels, on which classifiers are trained.
struct Labelled<'a> {
    share: f64,
    seed: u64,
    parts: Parts<'a>,
}

impl Labelled<'_> {
    fn fit(
        &self,
        kind: ClassifierKind,
        autoencoders: &[SparseAutoencoder],
        observer: &mut dyn LabelsObserver,
    ) -> Result<LabelsFit, Error> {
        let started = Instant::now();
        let (parts, data) = (&self.parts, self.parts.data);
        let (trained, head) = match kind {
            ClassifierKind::Pretrained => {
                let head = parts.head(autoencoders, observer)?;
                let tuned = parts.fine_tune(head.network, observer)?;
                (tuned, Some(head.ended))
            }
            ClassifierKind::Random => (parts.fine_tune_random(observer)?, None),
            ClassifierKind::Softmax => (parts.head(&[], observer)?, None),
        };
        Ok(LabelsFit {
            share: self.share,
            classifier: kind,
            seed: self.seed,
            labels: data.train.rows(),
            validation_labels: data.validation.map_or(0, |set| set.rows()),
            accuracy: trained.evaluation.accuracy,
            cross_entropy: trained.evaluation.cross_entropy,
            head,
            ended: trained.ended,
            seconds: started.elapsed().as_secs_f64(),
        })
    }
}
