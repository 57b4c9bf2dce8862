//! How a run is made again.

use sae_report::{Block, Cell, Section, Table};

use super::evidence::Evidence;

/// The section.
pub(super) fn section(evidence: &Evidence) -> Section {
    let mut section = Section::new("reproduce", "How to make this run again");
    if let Some(summary) = &evidence.summary {
        let set = summary
            .instruction_set
            .map(|set| format!(" --instruction-set {set}"));
        section.text(
            "Save the configuration below as run.toml, beside the data if paths in it are relative. The \
             same version, configuration, seed, backend and instruction set give the same weights, byte for \
             byte, on the CPU; the number of threads changes nothing.",
        );
        section.blocks.push(Block::Commands(format!(
            "sae train run.toml --out runs/again{}",
            set.unwrap_or_default()
        )));
        let mut facts = vec![
            ("version", summary.version.clone()),
            ("seed", summary.seed.to_string()),
            ("backend", summary.backend.to_string()),
            ("gradients", summary.gradient.to_string()),
            ("computed by", summary.choice.executor.to_string()),
            ("threads", summary.threads.to_string()),
            ("machine", summary.machine.clone()),
        ];
        if let Some(set) = summary.instruction_set {
            facts.insert(5, ("instruction set", set.to_string()));
        }
        section.table(Table {
            caption: "The environment of the run.".to_owned(),
            columns: ["what", "value"].map(str::to_owned).to_vec(),
            rows: facts
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| vec![Cell::text(name), Cell::text(value)])
                .collect(),
        });
        section.table(Table {
            caption: "Where the time went, evaluation of each stage included.".to_owned(),
            columns: ["stage", "seconds"].map(str::to_owned).to_vec(),
            rows: summary
                .stages
                .iter()
                .map(|stage| {
                    vec![
                        Cell::text(stage.stage.clone()),
                        Cell::number(stage.seconds, 2),
                    ]
                })
                .collect(),
        });
    }
    section.blocks.push(Block::Listing {
        title: "The configuration with every default filled in (config.toml)".to_owned(),
        text: evidence.config.clone(),
    });
    section
}
