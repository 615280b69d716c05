//! Jobs that somebody chose one by one.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many can be chosen at once: the longest page of a list.
const MOST_CHOSEN: usize = 500;

/// At most 500 jobs, by their ids. Written with commas between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChosenJobs(Vec<Uuid>);

impl ChosenJobs {
    /// The ids, each once.
    pub fn ids(&self) -> &[Uuid] {
        &self.0
    }
}

impl FromStr for ChosenJobs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed: Result<Vec<Uuid>, String> = text
            .split(',')
            .map(|id| id.trim().parse().map_err(|_| format!("{:?} is not the id of a job", id.trim())))
            .collect();
        let mut ids = parsed?;
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > MOST_CHOSEN {
            return Err(format!("these are {} jobs: choose at most {MOST_CHOSEN} at once", ids.len()));
        }
        Ok(Self(ids))
    }
}

impl TryFrom<String> for ChosenJobs {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ChosenJobs> for String {
    fn from(chosen: ChosenJobs) -> Self {
        chosen.to_string()
    }
}

impl fmt::Display for ChosenJobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<String> = self.0.iter().map(Uuid::to_string).collect();
        f.write_str(&ids.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_job_is_chosen_once_and_too_many_are_refused() {
        let [one, two] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let chosen: ChosenJobs = format!("{two}, {one},{two}").parse().unwrap();
        assert_eq!(chosen.ids(), [one, two]);
        assert_eq!(chosen.to_string(), format!("{one},{two}"));
        assert_eq!("".parse::<ChosenJobs>().unwrap_err(), "\"\" is not the id of a job");
        let many: Vec<String> = (0..=MOST_CHOSEN as u128).map(|id| Uuid::from_u128(id).to_string()).collect();
        assert!(many.join(",").parse::<ChosenJobs>().unwrap_err().contains("at most 500"));
    }
}
