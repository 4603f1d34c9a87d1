//! The numbers of namespaces, raised by the transaction that changes the data ([`GenerationStore`]).

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use rusqlite::{Connection, Result, params};

use super::{SqliteStore, statements};
use crate::store::{self, GenerationStore, Versioned};

#[async_trait]
impl GenerationStore for SqliteStore {
    async fn generations(&self, namespaces: &[Namespace]) -> store::Result<Generations> {
        let namespaces = namespaces.to_vec();
        let read = move |c: &Connection| {
            let transaction = c.unchecked_transaction()?;
            let numbers = current(&transaction, &namespaces)?;
            transaction.commit()?;
            Ok(numbers)
        };
        self.readers.read("generations.read", read).await
    }

    async fn confirmed_generations(&self, namespaces: &[Namespace]) -> store::Result<Generations> {
        self.generations(namespaces).await
    }

    async fn raise_generations(&self, namespaces: &[Namespace], now: UnixMillis) -> store::Result<Generations> {
        let namespaces = namespaces.to_vec();
        let raise = move |c: &Connection| commit(c, &namespaces, now, true, ());
        Ok(self.writer.write("generations.raise", raise).await?.generations)
    }
}

impl SqliteStore {
    /// Reads data, as the `operation` of that name, and the numbers of its `namespaces` in one transaction.
    pub(super) async fn read_state<T: Send + 'static>(
        &self,
        operation: &'static str,
        namespaces: Vec<Namespace>,
        query: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> store::Result<Versioned<T>> {
        let read = move |c: &Connection| {
            let transaction = c.unchecked_transaction()?;
            let value = query(&transaction)?;
            let generations = current(&transaction, &namespaces)?;
            transaction.commit()?;
            Ok(Versioned { value, generations })
        };
        self.readers.read(operation, read).await
    }
}

fn current(connection: &Connection, namespaces: &[Namespace]) -> Result<Generations> {
    namespaces.iter().map(|namespace| Ok((namespace.clone(), number(connection, namespace)?))).collect()
}

/// Gives each of `namespaces` its next number if the write `has_changed` their data, and returns them, without those of single modules.
pub(super) fn commit<T>(
    connection: &Connection,
    namespaces: &[Namespace],
    now: UnixMillis,
    has_changed: bool,
    value: T,
) -> Result<Versioned<T>> {
    if has_changed {
        let mut raise = connection.prepare_cached(statements::RAISE_GENERATION)?;
        for namespace in namespaces {
            let next = number(connection, namespace)?.next(now);
            raise.execute(params![namespace.to_string(), i64::try_from(next.get()).unwrap_or(i64::MAX)])?;
        }
    }
    Ok(Versioned { value, generations: current(connection, namespaces)?.without_modules() })
}

fn number(connection: &Connection, namespace: &Namespace) -> Result<Generation> {
    let mut find = connection.prepare_cached(statements::READ_GENERATION)?;
    let number: Option<i64> = find.query_row([namespace.to_string()], |row| row.get(0))?;
    Ok(Generation::new(number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)))
}
