//! Runs that go through every stage, optimizer, executor and kind of source.

use std::path::Path;

use crate::support::undisturbed::Undisturbed;
use crate::support::{succeed, text};

/// A kind of run.
#[derive(Debug, Clone, Copy)]
pub struct Configuration {
    pub name: &'static str,
    config: &'static str,
    /// Whether its samples are read again and again from a file.
    streams: bool,
}

/// Those whose samples are not in memory.
pub const STREAMING: [Configuration; 2] = [ALL[5], ALL[6]];

/// Every kind.
pub const ALL: [Configuration; 7] = [
    Configuration {
        name: "minibatches",
        config: "control = true\n[checkpoints]\nsteps = 7\n[data]\nvalidation = 0.1\n[data.shapes]\nsize = 10\n\
            train = 600\ntest = 100\n[[layers]]\nhidden = 30\ncorruption = \"masking\"\n\
            corruption_amount = 0.2\n[[layers]]\nhidden = 12\n[pretrain]\nepochs = 25\nbatch = 20\n\
            rho_hat = \"running\"\nschedule = \"cosine\"\n[softmax]\noptimizer = \"sgd\"\nepochs = 25\n\
            batch = 20\nvalidation_patience = 40\n[finetune]\noptimizer = \"rmsprop\"\nepochs = 25\nbatch = 20\n",
        streams: false,
    },
    Configuration {
        name: "line-searches",
        config: "[checkpoints]\nsteps = 2\n[data.shapes]\nsize = 10\ntrain = 400\ntest = 100\n[[layers]]\n\
            hidden = 25\n[pretrain]\noptimizer = \"lbfgs\"\nlearning_rate = 1\nhistory = 5\nbatch = \"full\"\n\
            epochs = 60\n[softmax]\noptimizer = \"cg\"\nlearning_rate = 1\nbatch = \"full\"\nepochs = 40\n\
            [finetune]\noptimizer = \"lbfgs\"\nlearning_rate = 1\nbatch = \"full\"\nepochs = 40\n",
        streams: false,
    },
    // Diverges at first, and goes back to the start of the epoch.
    Configuration {
        name: "retreats",
        config: "[checkpoints]\nsteps = 5\n[data.shapes]\nsize = 8\ntrain = 400\ntest = 50\n[[layers]]\n\
            hidden = 16\ndecoder = \"linear\"\n[pretrain]\noptimizer = \"sgd\"\nlearning_rate = 500\n\
            retreats = 20\nepochs = 30\nbatch = 20\nrho_hat = \"full\"\n[softmax]\noptimizer = \"adamw\"\n\
            gradient_clip = 0.5\nepochs = 30\nbatch = 20\n[finetune]\ngradient_clip = 0.5\nepochs = 30\nbatch = 20\n",
        streams: false,
    },
    Configuration {
        name: "autodiff",
        config: "gradient = \"autodiff\"\n[checkpoints]\nsteps = 3\n[data.shapes]\nsize = 8\ntrain = 200\n\
            test = 50\n[[layers]]\nhidden = 12\n[pretrain]\noptimizer = \"adamw\"\nepochs = 12\nbatch = 40\n\
            rho_hat = \"full\"\n[softmax]\nepochs = 12\nbatch = 40\n[finetune]\noptimizer = \"rmsprop\"\n\
            epochs = 12\nbatch = 40\n",
        streams: false,
    },
    Configuration {
        name: "delta-rules",
        config: "fused = \"never\"\n[checkpoints]\nsteps = 3\n[data.shapes]\nsize = 8\ntrain = 200\ntest = 50\n\
            [[layers]]\nhidden = 12\n[pretrain]\noptimizer = \"sgd\"\nepochs = 12\nbatch = 40\n\
            rho_hat = \"running\"\nlearning_rate = 0.1\n[softmax]\noptimizer = \"lbfgs\"\nlearning_rate = 1\n\
            batch = \"full\"\nepochs = 20\n[finetune]\nepochs = 12\nbatch = 40\n",
        streams: false,
    },
    // 2000 images of 24 x 24 bytes, of which an eighth of a mebibyte is in memory.
    Configuration {
        name: "streaming",
        config: "classifier = false\n[checkpoints]\nsteps = 9\n[data]\nsource = \"npy\"\nmemory_limit = 1\n\
            validation = 0.1\ntest = 0.1\n[data.files]\ntrain = \"rows.npy\"\n[[layers]]\nhidden = 40\n\
            [[layers]]\nhidden = 10\n[pretrain]\nepochs = 8\nbatch = 50\n",
        streams: true,
    },
    // The same, all samples at once.
    Configuration {
        name: "streaming-line-search",
        config: "classifier = false\n[checkpoints]\nsteps = 2\n[data]\nsource = \"npy\"\nmemory_limit = 1\n\
            validation = 0.1\ntest = 0.1\n[data.files]\ntrain = \"rows.npy\"\n[[layers]]\nhidden = 12\n\
            [pretrain]\noptimizer = \"lbfgs\"\nlearning_rate = 1\nbatch = \"full\"\nepochs = 12\n",
        streams: true,
    },
];

impl Configuration {
    /// A run of it that nobody disturbs.
    pub fn undisturbed(self) -> Undisturbed {
        Undisturbed::prepared(self.config, |folder| {
            if self.streams {
                rows(folder);
            }
        })
    }
}

fn rows(folder: &Path) {
    let idx = folder.join("idx");
    let mut args = vec!["data", "shapes", "--out", text(&idx)];
    for set in ["size=24", "train=2000", "test=20"] {
        args.extend(["--set", set]);
    }
    succeed(&args);
    let images = idx.join("train-images-idx3-ubyte");
    let rows = folder.join("rows.npy");
    succeed(&["data", "convert", text(&images), "--out", text(&rows)]);
}
