//! The samples of one rank.

use sae_data::{Dataset, Inputs, SplitData};
use sae_stack::{StackData, WholeRows};
use sae_train::Group;

use super::invitation::Invitation;
use crate::Error;

/// The samples of a rank, and how many all ranks have.
pub(crate) struct Part {
    pub data: SplitData,
    pub whole: WholeRows,
}

impl Part {
    /// As a pipeline is given them.
    pub(crate) fn samples(&self) -> StackData<'_> {
        let SplitData {
            train,
            validation,
            test,
        } = &self.data;
        StackData {
            whole: self.whole,
            ..StackData::new(train, validation.as_ref(), test)
        }
    }

    /// Those of all samples that are the rank's own. They come into memory, unless rank 0 has found all of them
    /// too many for it: what is read when depends on the samples, and not on the number of ranks.
    pub(super) fn of(
        data: &SplitData,
        group: &Group,
        invitation: &Invitation,
    ) -> Result<Self, Error> {
        let (stored, facts) = (invitation.stored, &invitation.facts);
        let validation = data.validation.as_ref();
        let validation = validation.map(|set| own(set, group, stored.validation));
        Ok(Self {
            whole: WholeRows {
                train: facts.train,
                validation: facts.validation,
                test: facts.test,
            },
            data: SplitData {
                train: own(&data.train, group, stored.train)?,
                validation: validation.transpose()?,
                test: own(&data.test, group, stored.test)?,
            },
        })
    }
}

fn own(set: &Dataset, group: &Group, stored: bool) -> Result<Dataset, Error> {
    let rows: Vec<usize> = group.own_rows(set.rows()).collect();
    let mut own = set.select(&rows);
    if let (Inputs::Stored(_), false) = (&own.samples, stored) {
        let samples = own.samples.all()?.into_owned();
        own.samples = samples.into();
    }
    Ok(own)
}
