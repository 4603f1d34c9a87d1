//! The tutor: answers a learner's question from passages of the published modules, in a model's words while one answers in time, else in
//! those of an earlier answer, else by naming the passages. A model that fails never fails the request. Not here: who may ask
//! (`handlers`), or the parts that it is made of.
//!
//! Times are counted from when the question came. The passages are there by [`PASSAGES_BY`]; each model has until its time of
//! [`FIRST_TEXT_BY`] for its first text; what is to be given whole ends at [`WHOLE_BY`].

mod answer_cache;
mod breaker;
mod completion;
pub mod config;
mod cutting;
mod escaping;
mod limits;
mod model;
mod passages;
mod prompt;
mod ranking;
mod sanitise;
mod sections;
mod streaming;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use kairos_protocol::api::health::TutorHealth;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::api::tutor::{AnswerSource, TutorAnswer, TutorQuestion};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use self::answer_cache::{AnswerCache, AnswerKey};
use self::config::TutorConfig;
use self::limits::Limits;
use self::model::{Generation, Model, models};
use self::passages::Passages;
use self::prompt::{Delivery, Prompt};
use self::sanitise::Sanitiser;
use self::streaming::{Stream, at_once, channel};
pub use self::streaming::{StreamedAnswer, TutorEvent};
use self::writing::{Asked, Written, collect, in_passages};
use crate::domain::error::{DomainError, Result};
use crate::environment::Environment;
use crate::store::CatalogStore;

/// When the passages must be there; without them there is no answer.
const PASSAGES_BY: Duration = Duration::from_millis(900);
/// When the first model's first text must be there, and the second one's.
const FIRST_TEXT_BY: [Duration; 2] = [Duration::from_millis(1_200), Duration::from_millis(1_700)];
/// When an answer that is given whole ends, whatever there is of it. Just under the 2 s of row I1.
const WHOLE_BY: Duration = Duration::from_millis(1_800);

/// See the module.
pub struct Tutor {
    passages: Passages,
    /// In the order in which they are asked.
    models: Vec<Model>,
    limits: Limits,
    answers: Arc<AnswerCache>,
    /// For each answer that a model writes. Who finds none free is given passages, and does not wait.
    places: Arc<Semaphore>,
}

/// An answer, and whether it is less than what would be given if all worked.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The answer.
    pub answer: TutorAnswer,
    /// There is a model, and it did not write it, now or before.
    pub is_degraded: bool,
}

impl Tutor {
    /// A tutor over the modules in `store`.
    ///
    /// # Errors
    /// There is no HTTP client to be had: a model is asked over TLS, and this machine trusts no certificates.
    pub fn new(config: TutorConfig, store: Arc<dyn CatalogStore>, environment: &Environment) -> reqwest::Result<Self> {
        Ok(Self {
            passages: Passages::new(store),
            limits: Limits::new(config.learner_daily, config.daily, Arc::clone(&environment.clock)),
            answers: Arc::new(AnswerCache::new()),
            places: Arc::new(Semaphore::new(config.concurrency.min(Semaphore::MAX_PERMITS))),
            models: models(&config, &environment.clock)?,
        })
    }

    /// The answer to `question`, all of it.
    ///
    /// # Errors
    /// [`ProblemType::InvalidFields`], [`ProblemType::UnknownModule`], [`ProblemType::TooManyRequests`], or the store's; never a model's.
    pub async fn answer(&self, user: &UserId, question: TutorQuestion) -> Result<Answered> {
        let asked = self.prepare(user, question).await?;
        let answer = match self.write(&asked).await {
            Some(written) => {
                let answer = Sanitiser::all(asked.modules(), &written.text);
                if !written.is_cut {
                    self.answers.insert(asked.key, &answer);
                }
                asked.answer(answer, written.source, written.is_cut)
            }
            None => self.without_model(&asked),
        };
        Ok(self.finish(&asked, answer))
    }

    /// The answer to `question` as it is written. Comes when the first text does.
    ///
    /// # Errors
    /// Those of [`Tutor::answer`].
    pub async fn stream(&self, user: &UserId, question: TutorQuestion) -> Result<StreamedAnswer> {
        let asked = self.prepare(user, question).await?;
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| self.shed());
        let begun = match place {
            Ok(place) => self.begin(&asked).await.map(|begun| (place, begun)),
            Err(()) => None,
        };
        let otherwise = self.without_model(&asked);
        let Some((place, (first, generation))) = begun else {
            let Answered { answer, is_degraded } = self.finish(&asked, otherwise);
            return Ok(StreamedAnswer { is_degraded, events: at_once(answer).await });
        };
        asked.time(generation.source);
        let (events, receiver) = channel();
        let sanitiser = Sanitiser::new(asked.modules());
        let stream = Stream { source: generation.source, generation, sanitiser, events, place };
        tokio::spawn(stream.run(first, asked, otherwise, Arc::clone(&self.answers)));
        Ok(StreamedAnswer { is_degraded: false, events: receiver })
    }

    /// What can be said of its models; nothing where it has none.
    #[must_use]
    pub fn health(&self) -> Option<TutorHealth> {
        let first = self.models.first()?;
        Some(if first.is_reached() { TutorHealth::Reached } else { TutorHealth::Degraded })
    }

    /// What is done before any model is asked.
    async fn prepare(&self, user: &UserId, question: TutorQuestion) -> Result<Asked> {
        let began = Instant::now();
        if let Some(why) = question.violation() {
            return Err(ProblemType::InvalidFields.with_detail("").with_errors([("question", why)]).into());
        }
        self.limits.count(user)?;
        let found = timeout_at(began + PASSAGES_BY, self.passages.find(&question)).await;
        let too_late = || {
            let problem =
                ProblemType::Unavailable.with_detail("The modules cannot be searched. Try again in a few seconds.");
            DomainError::logged(problem, format!("no passages within {} ms", PASSAGES_BY.as_millis()))
        };
        let passages = found.map_err(|_| too_late())??;
        let key = AnswerKey::new(&question, &passages);
        Ok(Asked { question: question.question, passages, key, began })
    }

    /// What a model writes within the time, if it is of use.
    async fn write(&self, asked: &Asked) -> Option<Written> {
        let _place = self.places.try_acquire().map_err(|_| self.shed()).ok()?;
        let prompt = Prompt::new(&asked.question, &asked.passages, Delivery::Whole);
        for (model, first_text_by) in self.models_for(asked) {
            if let Ok((text, generation)) = model.ask(&prompt, first_text_by).await
                && let Some(written) = collect(text, generation, asked.began + WHOLE_BY).await
            {
                return Some(written);
            }
        }
        None
    }

    /// The first text that a model writes, and the rest to come.
    async fn begin(&self, asked: &Asked) -> Option<(String, Generation)> {
        let prompt = Prompt::new(&asked.question, &asked.passages, Delivery::Streamed);
        for (model, first_text_by) in self.models_for(asked) {
            if let Ok(begun) = model.ask(&prompt, first_text_by).await {
                return Some(begun);
            }
        }
        None
    }

    /// The models, each with the time for its first text. Without passages they have nothing to answer from, and are not asked.
    fn models_for<'t>(&'t self, asked: &Asked) -> impl Iterator<Item = (&'t Model, Instant)> + use<'t> {
        let began = asked.began;
        let models = if asked.passages.is_empty() { &[][..] } else { &self.models };
        models.iter().zip(FIRST_TEXT_BY).map(move |(model, by)| (model, began + by))
    }

    /// The answer when no model gives one.
    fn without_model(&self, asked: &Asked) -> TutorAnswer {
        match self.answers.get(&asked.key) {
            Some(answer) => asked.answer(answer.to_string(), AnswerSource::Cached, false),
            None => asked.answer(in_passages(&asked.passages), AnswerSource::Passages, false),
        }
    }

    /// Counts the answer, and says whether it is degraded.
    fn finish(&self, asked: &Asked, answer: TutorAnswer) -> Answered {
        asked.count(&answer);
        asked.time(answer.source);
        let is_degraded = answer.source == AnswerSource::Passages && self.models_for(asked).next().is_some();
        Answered { answer, is_degraded }
    }

    fn shed(&self) {
        if !self.models.is_empty() {
            metrics::counter!("kairos_tutor_shed_total").increment(1);
        }
    }
}
