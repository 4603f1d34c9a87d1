//! Passwords: Argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), on threads that may block, few at a time.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use tokio::task;

use kairos_protocol::problem::ProblemType;

use crate::error::{AppError, Result};
use crate::machine::Machine;

/// Each takes 19 MiB and a core for some 20 ms: this bounds both, whatever the number of sign-ins.
const AT_ONCE: usize = 4;
const SALT_BYTES: usize = 16;

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    machine: Machine,
    places: Arc<Semaphore>,
    /// Checked when there is no account, so that the time does not tell.
    nobody: Arc<str>,
}

impl Passwords {
    /// Takes its salts from `machine`.
    ///
    /// # Errors
    /// Argon2 refuses its own parameters: a defect.
    pub fn new(machine: Machine) -> Result<Self> {
        let nobody = hash(&machine, "nobody has this password")?.into();
        Ok(Self { machine, places: Arc::new(Semaphore::new(AT_ONCE)), nobody })
    }

    /// The PHC string of `password` with a new salt.
    ///
    /// # Errors
    /// A defect only.
    pub async fn hash(&self, password: String) -> Result<String> {
        let machine = self.machine.clone();
        self.on_a_thread(move || hash(&machine, &password)).await
    }

    /// Whether `password` is the one that `hashed` was made from. Takes as long when there is none.
    ///
    /// # Errors
    /// A defect only: a stored hash that is none.
    pub async fn verify(&self, password: String, hashed: Option<&str>) -> Result<bool> {
        let exists = hashed.is_some();
        let hashed = hashed.unwrap_or(&self.nobody).to_owned();
        let matches = self.on_a_thread(move || verify(&password, &hashed)).await?;
        Ok(exists && matches)
    }

    async fn on_a_thread<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(defect)?;
        let done = task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        done.await.map_err(defect)?
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(19_456, 2, 1, None).map_err(defect)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(machine: &Machine, password: &str) -> Result<String> {
    let mut salt = [0; SALT_BYTES];
    machine.entropy.fill(&mut salt);
    let salt = SaltString::encode_b64(&salt).map_err(defect)?;
    Ok(argon2()?.hash_password(password.as_bytes(), &salt).map_err(defect)?.to_string())
}

fn verify(password: &str, hashed: &str) -> Result<bool> {
    let parsed = PasswordHash::new(hashed).map_err(defect)?;
    match argon2()?.verify_password(password.as_bytes(), &parsed) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::Password) => Ok(false),
        Err(error) => Err(defect(error)),
    }
}

fn defect(error: impl std::fmt::Display) -> AppError {
    AppError::with_cause(ProblemType::Internal, format!("password hashing: {error}"))
}
