//! What callers see: one view for each kind of them, and schemas, or the parts of
//! them that documents are about, by which documents are validated. Both are
//! made when they are asked for, shared by all whom they are the same for, and
//! bounded by bytes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_graphql::{
    dynamic::{self, Schema},
    registry::{MetaType, Registry},
};
use moka::{policy::EvictionPolicy, sync::Cache};

use super::{part::Part, types::Inputs};
use crate::permissions::Access;

/// The memory that a view takes beside its access, with the inputs that are kept
/// of it, in bytes, roughly.
const VIEW_WEIGHT: usize = 16 << 10;

/// The memory that a type of a schema takes, a field of it, and an argument of that
/// or a member of an input, in bytes, as measured.
const TYPE_WEIGHT: usize = 1_600;
const FIELD_WEIGHT: usize = 1_350;
const MEMBER_WEIGHT: usize = 800;

/// The database as one kind of caller may see it.
pub(super) struct View {
    /// Stands for the catalog and the access in the keys of caches.
    pub(super) scope: u64,
    pub(super) access: Access,
    pub(super) inputs: Inputs,
}

/// Why a schema cannot be built.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the schema cannot be built: {0}")]
pub struct SchemaError(String);

/// Views by their accesses' fingerprints, and schemas by their views.
pub(super) struct Views {
    views: Cache<String, Arc<View>>,
    schemas: Cache<(u64, Part), Arc<Schema>>,
}

impl Views {
    /// All together take this many bytes, roughly.
    pub(super) fn new(bytes: u64) -> Self {
        let of_views = bytes / 4;
        let of_schemas = bytes - of_views;
        // Of what is too large, the last one is kept nevertheless.
        let within = |weight: usize, bytes: u64| u32::try_from((weight as u64).min(bytes)).unwrap_or(u32::MAX);
        let views = Cache::builder()
            .max_capacity(of_views)
            .eviction_policy(EvictionPolicy::lru())
            .weigher(move |_: &String, view: &Arc<View>| within(VIEW_WEIGHT + view.access.weight(), of_views))
            .build();
        let schemas = Cache::builder()
            .max_capacity(of_schemas)
            .eviction_policy(EvictionPolicy::lru())
            .weigher(move |_: &(u64, Part), schema: &Arc<Schema>| within(weight(schema.registry()), of_schemas))
            .build();
        Self { views, schemas }
    }

    /// The view of whoever may do this.
    pub(super) fn view(&self, access: Access) -> Arc<View> {
        static NEXT_SCOPE: AtomicU64 = AtomicU64::new(0);
        if let Some(view) = self.views.get(access.fingerprint()) {
            return view;
        }
        self.views.get_with(access.fingerprint().to_owned(), || {
            let scope = NEXT_SCOPE.fetch_add(1, Ordering::Relaxed);
            Arc::new(View { scope, access, inputs: Inputs::default() })
        })
    }

    /// A schema, or a part of it.
    ///
    /// # Errors
    /// Why it cannot be built.
    pub(super) fn schema(
        &self,
        scope: u64,
        part: Part,
        build: impl FnOnce(&Part) -> Result<Schema, dynamic::SchemaError>,
    ) -> Result<Arc<Schema>, SchemaError> {
        let key = (scope, part);
        let schema = self.schemas.try_get_with_by_ref(&key, || build(&key.1).map(Arc::new));
        schema.map_err(|error| SchemaError(error.to_string()))
    }

    /// What the schemas take that are kept, in bytes, roughly.
    pub(super) fn schema_bytes(&self) -> u64 {
        self.schemas.run_pending_tasks();
        self.schemas.weighted_size()
    }

    /// The whole schema, if somebody has asked for it.
    pub(super) fn whole(&self, scope: u64) -> Option<Arc<Schema>> {
        self.schemas.get(&(scope, Part::Whole))
    }
}

/// The memory that a schema takes.
fn weight(registry: &Registry) -> usize {
    let of_type = |of: &MetaType| {
        let fields = of.fields().into_iter().flat_map(|fields| fields.values());
        let fields: usize = fields.map(|field| FIELD_WEIGHT + field.args.len() * MEMBER_WEIGHT).sum();
        let members = match of {
            MetaType::InputObject { input_fields, .. } => input_fields.len(),
            MetaType::Enum { enum_values, .. } => enum_values.len(),
            MetaType::Scalar { .. } | MetaType::Object { .. } | MetaType::Interface { .. } | MetaType::Union { .. } => {
                0
            }
        };
        TYPE_WEIGHT + fields + members * MEMBER_WEIGHT
    };
    registry.types.values().map(of_type).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use async_graphql::dynamic::{Field, FieldFuture, Object, TypeRef};

    use super::*;
    use crate::catalog::TableId;

    fn schema(fields: usize) -> Result<Schema, dynamic::SchemaError> {
        let field = |at| Field::new(format!("f{at}"), TypeRef::named("Int"), |_| FieldFuture::from_value(None));
        let query = (0..fields).fold(Object::new("Query"), |query, at| query.field(field(at)));
        Schema::build("Query", None, None).register(query).finish()
    }

    #[test]
    fn schemas_stay_within_their_bytes() {
        let bytes = 4 << 20;
        let views = Views::new(bytes);
        for at in 0..500 {
            let part = Part::Of(BTreeSet::from([TableId(at)]));
            views.schema(0, part, |_| schema(50)).expect("it can be built");
        }
        let taken = views.schema_bytes();
        assert!(taken > bytes / 4 && taken < bytes, "{taken}");
    }

    #[test]
    fn one_that_is_too_large_is_kept_until_there_is_another() {
        let views = Views::new(4 << 10);
        views.schema(0, Part::Whole, |_| schema(100)).expect("it can be built");
        views.schemas.run_pending_tasks();
        assert!(views.whole(0).is_some());
        views.schema(1, Part::Whole, |_| schema(100)).expect("it can be built");
        views.schemas.run_pending_tasks();
        assert!(views.whole(0).is_none() && views.whole(1).is_some());
    }
}
