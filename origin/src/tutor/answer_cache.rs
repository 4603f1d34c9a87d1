//! Answers of models, for when they fail. An answer is found by the question, the module that it is about, and the versions of the modules
//! whose passages it was made from: when one of those changes, it is found no more.
//!
//! It is shared by all learners. That is private, since nothing about a learner goes into an answer: the prompt has the question and
//! published passages, no more, and whoever finds an answer has asked that very question. What can be learnt is that somebody asked it
//! before, and only while the models fail. Questions themselves are not stored: keys are hashes.

use std::sync::Arc;

use kairos_protocol::api::tutor::{Passage, TutorQuestion};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

/// Most bytes of answers, in this process.
const CAPACITY_BYTES: u64 = 8 * 1024 * 1024;
const TYPICAL_ANSWER_BYTES: u64 = 1024;

/// What an answer is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AnswerKey([u8; 32]);

impl AnswerKey {
    pub(super) fn new(question: &TutorQuestion, passages: &[Passage]) -> Self {
        let mut hash = Sha256::new();
        hash.update(normalise(&question.question));
        let module = question.module.as_ref().map_or("", |slug| slug.as_str());
        hash.update(format!("\0{module}\0"));
        for passage in passages {
            hash.update(format!("{}:{}\0", passage.module, passage.version));
        }
        Self(hash.finalize().into())
    }
}

/// The same for questions that differ only in case, spaces, the form of their letters, and the marks at their end.
fn normalise(question: &str) -> String {
    let text = question.nfkc().collect::<String>().to_lowercase();
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").trim_end_matches(['?', '!', '.', ' ']).to_owned()
}

#[derive(Clone)]
struct ByBytes;

impl quick_cache::Weighter<AnswerKey, Arc<str>> for ByBytes {
    fn weight(&self, _: &AnswerKey, answer: &Arc<str>) -> u64 {
        answer.len() as u64 + 100
    }
}

/// See the module. Bounded by bytes; what is least used goes first.
pub(super) struct AnswerCache {
    answers: quick_cache::sync::Cache<AnswerKey, Arc<str>, ByBytes>,
}

impl AnswerCache {
    pub(super) fn new() -> Self {
        let items = usize::try_from(CAPACITY_BYTES / TYPICAL_ANSWER_BYTES).unwrap_or(usize::MAX);
        Self { answers: quick_cache::sync::Cache::with_weighter(items, CAPACITY_BYTES, ByBytes) }
    }

    pub(super) fn get(&self, key: &AnswerKey) -> Option<Arc<str>> {
        self.answers.get(key)
    }

    pub(super) fn insert(&self, key: AnswerKey, answer: &str) {
        self.answers.insert(key, answer.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_that_mean_the_same_are_the_same() {
        let same = ["What is  Vary?", "what is vary", " What\tis\nVARY ?!", "Ｗhat is Vary..."];
        assert_eq!(same.map(normalise), ["what is vary"; 4]);
        assert_ne!(normalise("What is Vary for?"), normalise("What is Vary?"));
    }
}
