//! Relationships from foreign keys: many-to-one on the key column, one-to-many
//! named after the child collection, many-to-many through pure junctions.

use std::collections::HashMap;

use super::{
    AnyId, Cardinality, Cascade, Catalog, ColumnId, Exposure, Field, FieldKind, Metadata, Note, NoteAction,
    Relationship, RelationshipId, TableId, TableKind, ToAny, When,
    facts::{ForeignKeyFacts, OnDelete, TableFacts, full_name},
    metadata::RelationMetadata,
    naming::FieldNames,
};

/// A foreign key between two served tables.
struct ForeignKey {
    from: TableId,
    to: TableId,
    from_columns: Vec<ColumnId>,
    to_columns: Vec<ColumnId>,
    on_delete: OnDelete,
    /// Whether an index begins with `from_columns` and with `to_columns`.
    from_indexed: bool,
    to_indexed: bool,
    /// Whether the database knows of it.
    enforced: bool,
    reverse: Reverse,
}

/// A list at the other end of a foreign key.
struct List {
    field: String,
    sort: Option<ColumnId>,
    deletes: bool,
    position: usize,
}

/// The field at the other end of a foreign key.
enum Reverse {
    /// Named after what points here.
    Inferred,
    /// As metadata says: there may be none, or several.
    Declared(Vec<List>),
}

/// Adds all relationships and their fields. `served` are the facts of the
/// catalog's tables, in the same order.
pub(super) fn infer(catalog: &mut Catalog, served: &[&TableFacts], metadata: Option<&Metadata>) {
    let mut keys = foreign_keys(catalog, served);
    if let Some(metadata) = metadata {
        declare(catalog, served, metadata, &mut keys);
    }
    catalog.cascades = keys.iter().filter_map(cascade).collect();
    let mut names: Vec<FieldNames> = catalog.tables.iter().map(claimed).collect();
    for key in &keys {
        add_many_to_one(catalog, &mut names, key);
    }
    let mut listed: Vec<&ForeignKey> = keys.iter().collect();
    listed.sort_by_key(|key| match &key.reverse {
        Reverse::Declared(lists) => lists.iter().map(|list| list.position).min().unwrap_or(usize::MAX),
        Reverse::Inferred => usize::MAX,
    });
    for key in listed {
        let alone = keys.iter().filter(|other| (other.from, other.to) == (key.from, key.to)).count() == 1;
        add_one_to_many(catalog, &mut names, key, alone);
    }
    for relation in metadata.map_or(&[][..], Metadata::relations) {
        add_many_to_any(catalog, served, relation);
    }
    for junction in 0..catalog.tables.len() {
        add_many_to_many(catalog, &mut names, &keys, TableId(junction as u32));
    }
}

/// Adds relations that metadata alone knows of, and what it says of the others.
fn declare(catalog: &mut Catalog, served: &[&TableFacts], metadata: &Metadata, keys: &mut Vec<ForeignKey>) {
    let place = |name: &str| served.iter().position(|table| table.name == name);
    for relation in metadata.relations() {
        let Some(one) = &relation.one_collection else { continue };
        let (Some(from), Some(to)) = (place(&relation.many_collection), place(one)) else { continue };
        let known = keys.iter().any(|key| {
            key.from.0 as usize == from
                && matches!(key.from_columns[..], [column] if served[from].columns[usize::from(column.0)].name == relation.many_field)
        });
        let [key] = &catalog.tables[to].key[..] else { continue };
        if known {
            continue;
        }
        let facts = ForeignKeyFacts {
            name: String::new(),
            columns: vec![relation.many_field.clone()],
            to_schema: served[to].schema.clone(),
            to_table: served[to].name.clone(),
            to_columns: vec![served[to].columns[usize::from(key.0)].name.clone()],
            on_delete: OnDelete::Refuse,
        };
        if let Some(key) = resolve(served, from, to, &facts) {
            keys.push(ForeignKey { enforced: false, ..key });
        }
    }
    // What is told of in other ways is no end of a relation.
    keys.retain(|key| [key.from, key.to].iter().all(|table| catalog.table(*table).exposure != Exposure::Internal));
    for key in keys {
        let (many, one) = (served[key.from.0 as usize], served[key.to.0 as usize]);
        let column = match key.from_columns[..] {
            [column] => &many.columns[usize::from(column.0)].name,
            _ => continue,
        };
        // Who manages a collection says what its relations are.
        let is_managed = metadata.collection(&many.name).is_some();
        if !is_managed && metadata.relations_of(&many.name, column).next().is_none() {
            continue;
        }
        let place = |name: &str| many.columns.iter().position(|column| column.name == name);
        let of_target = |relation: &&RelationMetadata| relation.one_collection.as_ref() == Some(&one.name);
        let lists = metadata.relations_of(&many.name, column).filter(of_target).filter_map(|relation| {
            let field = relation.one_field.clone()?;
            Some(List {
                sort: relation.sort_field.as_deref().and_then(place).map(|at| ColumnId(at as u16)),
                deletes: relation.deletes,
                position: metadata.position(&one.name, &field).unwrap_or(usize::MAX),
                field,
            })
        });
        key.reverse = Reverse::Declared(lists.collect());
    }
}

fn cascade(key: &ForeignKey) -> Option<Cascade> {
    let deletes = match key.on_delete {
        OnDelete::Refuse => return None,
        OnDelete::Cascade => true,
        OnDelete::Reset => false,
    };
    let (columns, to_columns) = (key.from_columns.clone(), key.to_columns.clone());
    Some(Cascade { table: key.from, columns, to: key.to, to_columns, deletes })
}

fn claimed(table: &super::Table) -> FieldNames {
    let mut names = FieldNames::new();
    for field in &table.fields {
        names.claim(&field.name);
    }
    names
}

fn foreign_keys(catalog: &mut Catalog, served: &[&TableFacts]) -> Vec<ForeignKey> {
    let tables: HashMap<(Option<&str>, &str), usize> =
        served.iter().enumerate().map(|(at, table)| ((table.schema.as_deref(), table.name.as_str()), at)).collect();
    let mut keys = Vec::new();
    for (at, table) in served.iter().enumerate() {
        for facts in &table.foreign_keys {
            let target = tables.get(&(facts.to_schema.as_deref(), facts.to_table.as_str())).copied();
            let reason = match target.map(|to| resolve(served, at, to, facts)) {
                Some(Some(key)) => {
                    keys.push(key);
                    continue;
                }
                Some(None) => "which lacks a column that it names",
                None => "which is not served",
            };
            catalog.notes.push(Note {
                action: NoteAction::LeftOut,
                subject: format!("{}.{}", table.full_name(), facts.columns.join(", ")),
                reason: format!(
                    "the relationship to `{}`, {reason}",
                    full_name(facts.to_schema.as_deref(), &facts.to_table)
                ),
            });
        }
    }
    keys
}

fn resolve(served: &[&TableFacts], from: usize, to: usize, facts: &ForeignKeyFacts) -> Option<ForeignKey> {
    let columns = |table: &TableFacts, names: &[String]| -> Option<Vec<ColumnId>> {
        let position = |name: &String| table.columns.iter().position(|column| column.name == *name);
        names.iter().map(|name| position(name).map(|at| ColumnId(at as u16))).collect()
    };
    let indexed = |table: &TableFacts, names: &[String]| {
        table
            .indexes
            .iter()
            .any(|index| index.len() >= names.len() && names.iter().all(|name| index[..names.len()].contains(name)))
    };
    let from_columns = columns(served[from], &facts.columns)?;
    let to_columns = columns(served[to], &facts.to_columns)?;
    (!from_columns.is_empty() && from_columns.len() == to_columns.len()).then_some(())?;
    Some(ForeignKey {
        from: TableId(from as u32),
        to: TableId(to as u32),
        from_columns,
        to_columns,
        on_delete: facts.on_delete,
        from_indexed: indexed(served[from], &facts.columns),
        to_indexed: indexed(served[to], &facts.to_columns),
        enforced: true,
        reverse: Reverse::Inferred,
    })
}

fn push(catalog: &mut Catalog, relationship: impl FnOnce(RelationshipId) -> Relationship) -> RelationshipId {
    let id = RelationshipId(catalog.relationships.len() as u32);
    catalog.relationships.push(relationship(id));
    id
}

fn joined_columns(catalog: &Catalog, table: TableId, columns: &[ColumnId]) -> String {
    let table = catalog.table(table);
    let names: Vec<&str> = columns.iter().map(|column| table.column_field(*column)).collect();
    names.join("_")
}

fn add_many_to_one(catalog: &mut Catalog, names: &mut [FieldNames], key: &ForeignKey) {
    let id = push(catalog, |id| Relationship {
        id,
        from: key.from,
        to: key.to,
        cardinality: Cardinality::ManyToOne,
        from_columns: key.from_columns.clone(),
        to_columns: key.to_columns.clone(),
        indexed: key.to_indexed,
        enforced: key.enforced,
        sort: None,
        deletes: false,
        when: None,
    });
    let from = key.from.0 as usize;
    if let [column] = key.from_columns[..] {
        let plain = catalog.tables[from].fields.iter_mut().find(|field| field.kind == FieldKind::Column(column));
        if let Some(field) = plain {
            field.kind = FieldKind::ToOne(id, Some(column));
            return;
        }
    }
    let target = catalog.table(key.to).collection.clone();
    let by = format!("{target}_by_{}", joined_columns(catalog, key.from, &key.from_columns));
    let name = names[from].claim_first(&[target, by]);
    catalog.tables[from].add_field(Field { name, kind: FieldKind::ToOne(id, None) });
}

fn add_one_to_many(catalog: &mut Catalog, names: &mut [FieldNames], key: &ForeignKey, alone: bool) {
    match &key.reverse {
        Reverse::Declared(lists) => {
            for list in lists {
                let wishes = [list.field.clone()];
                add_list(catalog, names, key, &wishes, (list.sort, list.deletes));
            }
        }
        Reverse::Inferred => {
            let child = catalog.table(key.from).collection.clone();
            let by = format!("{child}_by_{}", joined_columns(catalog, key.from, &key.from_columns));
            let wishes = if alone { vec![child, by] } else { vec![by] };
            add_list(catalog, names, key, &wishes, (None, false));
        }
    }
}

/// A row of one of several collections, in the place of the column that holds its
/// key. What is no column and no table with a single key is left out.
fn add_many_to_any(catalog: &mut Catalog, served: &[&TableFacts], relation: &RelationMetadata) {
    let Some(any) = &relation.any else { return };
    let table = |name: &str| served.iter().position(|table| table.name == name);
    let Some(from) = table(&relation.many_collection) else { return };
    let column = |name: &str| served[from].columns.iter().position(|column| column.name == name);
    let (Some(key), Some(named)) = (column(&relation.many_field), column(&any.collection_field)) else { return };
    let (key, collection) = (ColumnId(key as u16), ColumnId(named as u16));
    let mut targets = Vec::with_capacity(any.allowed.len());
    for name in &any.allowed {
        let Some(to) = table(name).filter(|to| catalog.tables[*to].exposure != Exposure::Internal) else { continue };
        if targets.iter().any(|id| catalog.relationship(*id).to.0 as usize == to) {
            continue;
        }
        let [target] = catalog.tables[to].key[..] else { continue };
        targets.push(push(catalog, |id| Relationship {
            id,
            from: TableId(from as u32),
            to: TableId(to as u32),
            cardinality: Cardinality::ManyToOne,
            from_columns: vec![key],
            to_columns: vec![target],
            indexed: true,
            enforced: false,
            sort: None,
            deletes: false,
            when: Some(When { column: collection, is: name.clone() }),
        }));
    }
    let plain = catalog.tables[from].fields.iter_mut().find(|field| field.kind == FieldKind::Column(key));
    if let Some(field) = plain.filter(|_| !targets.is_empty()) {
        field.kind = FieldKind::ToAny(AnyId(catalog.anys.len() as u32), key);
        catalog.anys.push(ToAny { collection, targets });
    }
}

/// The rows that point to one by a foreign key, under the first of some names that
/// is free.
fn add_list(
    catalog: &mut Catalog,
    names: &mut [FieldNames],
    key: &ForeignKey,
    wishes: &[String],
    (sort, deletes): (Option<ColumnId>, bool),
) {
    let sort = sort.or(catalog.table(key.from).sort);
    let id = push(catalog, |id| Relationship {
        id,
        from: key.to,
        to: key.from,
        cardinality: Cardinality::OneToMany,
        from_columns: key.to_columns.clone(),
        to_columns: key.from_columns.clone(),
        indexed: key.from_indexed,
        enforced: key.enforced,
        sort,
        deletes,
        when: None,
    });
    let parent = key.to.0 as usize;
    let name = names[parent].claim_first(wishes);
    catalog.tables[parent].add_field(Field { name, kind: FieldKind::ToMany(id) });
}

/// A pure junction holds two foreign keys and nothing else but, perhaps, a key
/// of its own that the database fills. With such a key and both ends in one
/// table it is rather a thing of its own, as a flight is between two airports.
fn add_many_to_many(catalog: &mut Catalog, names: &mut [FieldNames], keys: &[ForeignKey], junction: TableId) {
    let mut pair = keys.iter().filter(|key| key.from == junction);
    let (Some(one), Some(other), None) = (pair.next(), pair.next(), pair.next()) else { return };
    let table = catalog.table(junction);
    let is_pure = table.kind == TableKind::Table
        && table.columns.iter().all(|column| {
            one.from_columns.contains(&column.id)
                || other.from_columns.contains(&column.id)
                || (one.to != other.to
                    && table.is_single_key(column.id)
                    && (column.auto_increment || column.default.is_some()))
        });
    let is_inferred = [one, other].iter().all(|key| matches!(key.reverse, Reverse::Inferred));
    if !is_pure || !is_inferred {
        return;
    }
    for (near, far) in [(one, other), (other, one)] {
        add_way_through(catalog, names, near, far);
    }
}

fn add_way_through(catalog: &mut Catalog, names: &mut [FieldNames], near: &ForeignKey, far: &ForeignKey) {
    let id = push(catalog, |id| Relationship {
        id,
        from: near.to,
        to: far.to,
        cardinality: Cardinality::ManyToMany {
            junction: near.from,
            junction_columns: far.from_columns.clone(),
            target_columns: far.to_columns.clone(),
        },
        from_columns: near.to_columns.clone(),
        to_columns: near.from_columns.clone(),
        indexed: near.from_indexed,
        enforced: true,
        sort: None,
        deletes: false,
        when: None,
    });
    let target = catalog.table(far.to).collection.clone();
    let via = format!("{target}_via_{}", catalog.table(near.from).collection);
    let by = format!("{via}_{}", joined_columns(catalog, far.from, &far.from_columns));
    let wishes = if near.to == far.to { vec![by] } else { vec![target, via, by] };
    let from = near.to.0 as usize;
    let name = names[from].claim_first(&wishes);
    catalog.tables[from].add_field(Field { name, kind: FieldKind::ToMany(id) });
}
