//! Passwords: Argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), few at a time. Whoever comes meanwhile stands in a line
//! that is bounded in length and in time. Not here: how a password is prepared ([`super::precis`]), and the threads
//! (`hashing`).

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use argon2::password_hash::{Ident, Output, ParamsString, PasswordHash, SaltString};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use kairos_protocol::api::problem::ProblemType;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::hashing::Hashing;
use super::precis::Password;
use crate::domain::error::{DomainError, Result};
use crate::environment::Environment;

/// Most that hash at once, and no more than half of the cores. Each has 19 MiB, and takes a core for some 20 ms.
const AT_ONCE: usize = 4;
/// Most that hash or wait to: a second's, on a core with nothing else to do. The next one is refused at once.
const LINE: usize = 64;
/// The longest that one waits to hash.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const SALT_BYTES: usize = 16;

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    environment: Environment,
    line: Arc<Semaphore>,
    places: Arc<Semaphore>,
    hashing: Arc<Hashing>,
    /// Checked when there is no account, so that the time does not tell.
    nobody: Arc<str>,
}

/// A place in the line, given up when this is dropped: who hangs up leaves it.
pub struct Turn {
    passwords: Passwords,
    _in_line: OwnedSemaphorePermit,
}

impl Passwords {
    /// Takes its salts from `environment`.
    ///
    /// # Errors
    /// The system gives no thread, or Argon2 refuses its own parameters: a defect.
    pub fn new(environment: Environment) -> Result<Self> {
        let blocks = params()?.block_count();
        let nobody = hash_of_nobody(&environment)?.into();
        let cores = available_parallelism().map_or(1, NonZero::get);
        let places = (cores / 2).clamp(1, AT_ONCE);
        Ok(Self {
            environment,
            line: Arc::new(Semaphore::new(LINE)),
            places: Arc::new(Semaphore::new(places)),
            hashing: Arc::new(Hashing::start(places, blocks).map_err(defect)?),
            nobody,
        })
    }

    /// Joins the line. Join it before anything else is done for the caller: who is refused then costs nothing.
    ///
    /// # Errors
    /// [`ProblemType::Unavailable`] when it is full.
    pub fn line_up(&self) -> Result<Turn> {
        let in_line = Arc::clone(&self.line).try_acquire_owned().map_err(|_| busy("the line is full"))?;
        Ok(Turn { passwords: self.clone(), _in_line: in_line })
    }
}

impl Turn {
    /// The PHC string of `password` with a new salt.
    ///
    /// # Errors
    /// [`ProblemType::Unavailable`] when the turn did not come in time; else a defect.
    pub async fn hash(self, password: Password) -> Result<String> {
        let environment = self.passwords.environment.clone();
        self.on_a_thread(move |memory| hash(&environment, password.prepared(), memory)).await
    }

    /// Whether `password` is the one that `hashed` was made from. Takes as long when there is none.
    ///
    /// # Errors
    /// [`ProblemType::Unavailable`] when the turn did not come in time; else a defect: a stored hash that is none.
    pub async fn verify(self, password: Password, hashed: Option<&str>) -> Result<bool> {
        let exists = hashed.is_some();
        let hashed = hashed.unwrap_or(&self.passwords.nobody).to_owned();
        let matches = move |memory: &mut [Block]| {
            for form in password.forms() {
                if verify(form, &hashed, memory)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        Ok(self.on_a_thread(matches).await? && exists)
    }

    async fn on_a_thread<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut [Block]) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let places = Arc::clone(&self.passwords.places);
        let place = timeout(LONGEST_WAIT, places.acquire_owned()).await;
        let place = place.map_err(|_| busy("the turn did not come in time"))?.map_err(defect)?;
        let work = move |memory: &mut [Block]| {
            let _place = place;
            work(memory)
        };
        let done = self.passwords.hashing.run(work).await;
        done.ok_or_else(|| defect("it panicked"))?
    }
}

fn params() -> Result<Params> {
    Params::new(19_456, 2, 1, Some(Params::DEFAULT_OUTPUT_LEN)).map_err(defect)
}

fn hash(environment: &Environment, password: &str, memory: &mut [Block]) -> Result<String> {
    let mut salt = [0; SALT_BYTES];
    environment.entropy.fill(&mut salt);
    let text = SaltString::encode_b64(&salt).map_err(defect)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params()?);
    let output = output(&argon2, password, &salt, memory)?;
    phc_string(&text, output)
}

/// As if some password had been hashed; which one, nobody knows. Costs nothing, and to check a password against it as much as any.
fn hash_of_nobody(environment: &Environment) -> Result<String> {
    let (mut salt, mut output) = ([0; SALT_BYTES], [0; Params::DEFAULT_OUTPUT_LEN]);
    environment.entropy.fill(&mut salt);
    environment.entropy.fill(&mut output);
    let text = SaltString::encode_b64(&salt).map_err(defect)?;
    phc_string(&text, Output::new(&output).map_err(defect)?)
}

fn phc_string(salt: &SaltString, output: Output) -> Result<String> {
    let phc = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params()?).map_err(defect)?,
        salt: Some(salt.as_salt()),
        hash: Some(output),
    };
    Ok(phc.to_string())
}

fn verify(password: &str, hashed: &str, memory: &mut [Block]) -> Result<bool> {
    let phc = PasswordHash::new(hashed).map_err(defect)?;
    let (Some(salt), Some(expected)) = (phc.salt, phc.hash) else {
        return Err(defect("a stored hash without a salt or without a hash"));
    };
    let mut buffer = [0; argon2::password_hash::Salt::MAX_LENGTH];
    let salt = salt.decode_b64(&mut buffer).map_err(defect)?;
    let version = phc.version.map_or(Ok(Version::default()), Version::try_from).map_err(defect)?;
    let params = Params::try_from(&phc).map_err(defect)?;
    let argon2 = Argon2::new(algorithm(phc.algorithm)?, version, params);
    // Compared in constant time.
    Ok(output(&argon2, password, salt, memory)? == expected)
}

fn algorithm(name: Ident<'_>) -> Result<Algorithm> {
    Algorithm::try_from(name).map_err(defect)
}

fn output(argon2: &Argon2<'_>, password: &str, salt: &[u8], memory: &mut [Block]) -> Result<Output> {
    let length = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    Output::init_with(length, |out| {
        Ok(argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, memory)?)
    })
    .map_err(defect)
}

fn busy(why: &str) -> DomainError {
    metrics::counter!("kairos_passwords_refused_total").increment(1);
    let problem =
        ProblemType::Unavailable.with_detail("Many are signing in at this moment. Try again in a few seconds.");
    DomainError::logged(problem, format!("signing in: {why}"))
}

fn defect(error: impl std::fmt::Display) -> DomainError {
    DomainError::with_cause(ProblemType::Internal, format!("password hashing: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_waits_longer_than_the_longest_wait() {
        let passwords = Passwords::new(Environment::system()).unwrap();
        let places = u32::try_from(passwords.places.available_permits()).unwrap();
        let hashing = Arc::clone(&passwords.places).acquire_many_owned(places).await.unwrap();
        let began = tokio::time::Instant::now();
        let waiting = passwords.line_up().unwrap().hash(Password::new("a password".to_owned()));
        let waited = timeout(LONGEST_WAIT * 2, waiting).await.expect("it is refused in time");
        assert_eq!(waited.unwrap_err().problem.uri, ProblemType::Unavailable.uri());
        assert!(began.elapsed() >= LONGEST_WAIT);
        drop(hashing);
        assert!(passwords.line_up().unwrap().hash(Password::new("a password".to_owned())).await.is_ok());
    }
}
