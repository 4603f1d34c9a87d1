//! What a query is made of, so that the service sends and `explain` asks about the same one. Not which queries there are
//! ([`super::shapes`]).

use futures_util::TryStreamExt;
use kairos_protocol::sync::generation::Namespace;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result;
use mongodb::options::ReadConcern;
use mongodb::{ClientSession, Collection, Database};
use serde::de::DeserializeOwned;

use super::documents::GENERATIONS;
use super::shapes::Shape;
use super::time_limit::OPERATION_TIMEOUT;

/// One query of a shape.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) shape: &'static Shape,
    pub(super) filter: Document,
    /// Empty: in any order.
    pub(super) sort: Document,
    projection: Option<Document>,
    limit: Option<u32>,
    /// How many documents there can be, where that is known: all of them come in one reply (row Q4).
    most: Option<u32>,
}

impl Query {
    pub(super) fn new(shape: &'static Shape, filter: Document) -> Self {
        Self { shape, filter, sort: doc! {}, projection: None, limit: None, most: None }
    }

    /// The documents with these ids.
    pub(super) fn by_ids<I: Into<Bson>>(shape: &'static Shape, ids: impl IntoIterator<Item = I>) -> Self {
        let ids: Vec<Bson> = ids.into_iter().map(Into::into).collect();
        let most = u32::try_from(ids.len()).ok();
        Self { most, ..Self::new(shape, doc! { "_id": { "$in": ids } }) }
    }

    pub(super) fn by_id(shape: &'static Shape, id: impl Into<Bson>) -> Self {
        Self::new(shape, doc! { "_id": id.into() })
    }

    /// Only those that `more` fits too.
    pub(super) fn and(mut self, more: Document) -> Self {
        self.filter.extend(more);
        self
    }

    pub(super) fn sort(self, sort: Document) -> Self {
        Self { sort, ..self }
    }

    pub(super) fn projection(self, projection: Document) -> Self {
        Self { projection: Some(projection), ..self }
    }

    /// The first `limit`.
    pub(super) fn page(self, limit: u32) -> Self {
        Self { limit: Some(limit), most: Some(limit), ..self }
    }

    /// Sends it, for all it finds.
    pub(super) async fn all<T>(self, collection: &Collection<T>) -> Result<Vec<T>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let shape = self.shape;
        shape.timed(async move { self.find(collection).await?.try_collect().await }).await
    }

    /// The same in a session.
    pub(super) async fn all_in<T>(self, collection: &Collection<T>, session: &mut ClientSession) -> Result<Vec<T>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let shape = self.shape;
        let found = async move {
            let mut found = self.find(collection).session(&mut *session).await?;
            found.stream(session).try_collect().await
        };
        shape.timed(found).await
    }

    /// Sends it, for the one document that there can be.
    pub(super) async fn one<T>(self, collection: &Collection<T>) -> Result<Option<T>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let shape = self.shape;
        shape.timed(self.find_one(collection)).await
    }

    /// The same in a session.
    pub(super) async fn one_in<T>(self, collection: &Collection<T>, session: &mut ClientSession) -> Result<Option<T>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let shape = self.shape;
        shape.timed(self.find_one(collection).session(session)).await
    }

    fn find<T: Send + Sync>(self, collection: &Collection<T>) -> mongodb::action::Find<'_, T> {
        let mut find = collection.find(self.filter).comment(self.shape.comment()).max_time(OPERATION_TIMEOUT);
        if !self.sort.is_empty() {
            find = find.sort(self.sort);
        }
        if let Some(projection) = self.projection {
            find = find.projection(projection);
        }
        if let Some(limit) = self.limit {
            find = find.limit(limit.into());
        }
        if let Some(most) = self.most {
            // One more than there are: the server then knows that there are no others.
            find = find.batch_size(most.saturating_add(1));
        }
        find
    }

    pub(super) fn find_one<T>(self, collection: &Collection<T>) -> mongodb::action::FindOne<'_, T>
    where
        T: DeserializeOwned + Send + Sync,
    {
        let find = collection.find_one(self.filter).comment(self.shape.comment()).max_time(OPERATION_TIMEOUT);
        match self.projection {
            Some(projection) => find.projection(projection),
            None => find,
        }
    }

    /// The command, for `explain`. A write is asked about as the query for what it changes.
    pub(super) fn command(&self) -> Document {
        let mut command = doc! { "find": self.shape.collection, "filter": &self.filter };
        if !self.sort.is_empty() {
            command.insert("sort", &self.sort);
        }
        command.extend(self.projection.as_ref().map(|projection| ("projection".to_owned(), projection.into())));
        command.extend(self.limit.map(|limit| ("limit".to_owned(), i64::from(limit).into())));
        command
    }
}

/// An aggregation of a shape, which gives one document.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) shape: &'static Shape,
    pub(super) stages: Vec<Document>,
}

impl Pipeline {
    /// With it the number of `namespace`, out of the same snapshot: one round trip for both. It comes as a document of its own, as it is
    /// stored.
    pub(super) fn with_number(mut self, namespace: &Namespace) -> Self {
        let number = doc! { "$match": { "_id": namespace.to_string() } };
        self.stages.push(doc! { "$unionWith": { "coll": GENERATIONS, "pipeline": [number] } });
        self
    }

    /// Sends it, for all it gives, out of a snapshot of what no failover takes back.
    pub(super) async fn all<T>(self, database: &Database) -> Result<Vec<T>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let collection = database.collection::<Document>(self.shape.collection);
        let made = async move {
            let aggregate = collection.aggregate(self.stages).comment(self.shape.comment()).max_time(OPERATION_TIMEOUT);
            aggregate.read_concern(ReadConcern::snapshot()).with_type::<T>().await?.try_collect().await
        };
        self.shape.timed(made).await
    }

    /// The command, for `explain`.
    pub(super) fn command(&self) -> Document {
        doc! { "aggregate": self.shape.collection, "pipeline": &self.stages, "cursor": {} }
    }
}
