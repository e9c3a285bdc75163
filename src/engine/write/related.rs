//! Rows around the rows that are written (contract `graphql.md` 7.4): those
//! they point to are linked, updated or created before; those that point to
//! them are a complete new set, made so after.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

use super::{
    group::values,
    update::{Alteration, Missing},
    work::{RowId, Session},
};
use crate::{
    catalog::{Cardinality, ColumnId, Relationship, Table, TableId},
    db::ViolationKind,
    engine::{Broken, Error},
    events::RowImage,
    plan::write::{
        Draft, Fault, Given, Payload, RowKey, ToMany, forbidden, is_bare_key, key_json, may_be_emptied, payload_key,
    },
    predicate::Predicate,
};

/// The complete set of rows that shall point to one row.
struct Set {
    parent: RowKey,
    /// The row itself.
    row: RowId,
    payloads: Vec<Payload>,
}

/// A row that a draft points to.
pub(super) struct Linked {
    /// The place of the draft.
    at: usize,
    table: TableId,
    image: RowImage,
}

impl Session {
    /// Writes the rows that drafts point to, and points the drafts to them.
    pub(super) async fn link(&self, table: &Table, drafts: &mut [Draft]) -> Result<Vec<Linked>, Error> {
        let mut linked = Vec::new();
        if drafts.iter().all(|draft| draft.to_one.is_empty()) {
            return Ok(linked);
        }
        let mut ways: Vec<_> =
            drafts.iter().flat_map(|draft| &draft.to_one).map(|to_one| to_one.relationship).collect();
        ways.sort_unstable();
        ways.dedup();
        for way in ways {
            let relationship = self.catalog().relationship(way).clone();
            let target = self.catalog().table(relationship.to);
            let mut payloads = Vec::new();
            let mut links = Vec::new();
            let mut field = String::new();
            for (at, draft) in drafts.iter_mut().enumerate() {
                for to_one in draft.to_one.extract_if(.., |to_one| to_one.relationship == way) {
                    payloads.push(to_one.payload);
                    links.push((at, to_one.links));
                    field = to_one.field;
                }
            }
            let images = self
                .deeper()?
                .relate(target, &relationship.to_columns, payloads)
                .await
                .map_err(|error| error.within(&field))?;
            for ((at, links), image) in links.into_iter().zip(images) {
                if links {
                    let part = |column: &ColumnId| image.key(*column, &target.column(*column).column_type);
                    let keys: Vec<_> = relationship.to_columns.iter().map(part).collect();
                    drafts[at].link(table, &relationship, &keys)?;
                }
                linked.push(Linked { at, table: target.id, image });
            }
        }
        Ok(linked)
    }

    /// Notes which rows those are a part of that drafts point to, once those rows are
    /// there.
    pub(super) fn note_linked<'i>(
        &self,
        table: &Table,
        linked: Vec<Linked>,
        image: impl Fn(usize) -> Option<&'i RowImage>,
    ) -> Result<(), Error> {
        if linked.is_empty() {
            return Ok(());
        }
        let deeper = self.deeper()?;
        for one in &linked {
            let within = image(one.at).map(|image| (&one.image, (table.id, image.row_key(table))));
            deeper.nested(self.catalog().table(one.table), within);
        }
        Ok(())
    }

    /// Rows that are pointed to: those whose key is known are updated with what
    /// else is said of them, all others are created. Their images in the order
    /// of `payloads`. What stands in `copied` of them becomes part of the rows that
    /// point there.
    async fn relate(
        &self,
        target: &Table,
        copied: &[ColumnId],
        payloads: Vec<Payload>,
    ) -> Result<Vec<RowImage>, Error> {
        let mut keys = Vec::with_capacity(payloads.len());
        for payload in &payloads {
            keys.push(payload_key(self.catalog(), target, payload)?);
        }
        let mut seen = HashSet::new();
        let asked: Vec<RowKey> = keys.iter().flatten().filter(|key| seen.insert((*key).clone())).cloned().collect();
        let visible = self.visible_with(target, copied)?;
        let found = self.locate(target, &target.key, &asked, &visible, false).await?;
        let mut images: Vec<Option<RowImage>> = vec![None; payloads.len()];
        let (mut created, mut creations) = (Vec::new(), Vec::new());
        let (mut updated, mut alterations) = (Vec::new(), Vec::new());
        let mut fresh: HashMap<RowKey, usize> = HashMap::new();
        let mut repeated = Vec::new();
        for (at, (payload, key)) in payloads.into_iter().zip(keys).enumerate() {
            if let Some(image) = key.as_ref().and_then(|key| found.get(key)) {
                if !is_bare_key(target, &payload) {
                    updated.push(at);
                    alterations.push(Alteration { keys: vec![image.row_key(target)], payload });
                }
                images[at] = Some(image.clone());
                continue;
            }
            match key {
                Some(key) if fresh.contains_key(&key) => repeated.push((at, fresh[&key], key, payload)),
                key => {
                    if let Some(key) = key {
                        fresh.insert(key, at);
                    }
                    created.push(at);
                    creations.push(Given::Owned(payload));
                }
            }
        }
        if !alterations.is_empty() {
            let after = self.update(target, alterations, Missing::Refuse).await?;
            for (at, mut after) in updated.into_iter().zip(after) {
                images[at] = after.pop().or(images[at].take());
            }
        }
        if !creations.is_empty() {
            let after = self.create(target, creations).await?;
            for (at, image) in created.into_iter().zip(after) {
                images[at] = Some(image);
            }
        }
        // Of several new rows with one key, the later ones change the first.
        for (at, first, key, payload) in repeated {
            images[at] = images[first].clone();
            if !is_bare_key(target, &payload) {
                let alteration = Alteration { keys: vec![key], payload };
                let mut after = self.update(target, vec![alteration], Missing::Refuse).await?;
                images[at] = after.pop().and_then(|mut images| images.pop());
            }
        }
        images.into_iter().map(|image| image.ok_or(Error::Internal)).collect()
    }

    /// Which rows of a table the caller can point to: those that it may read,
    /// else those that it may change.
    fn visible(&self, table: &Table) -> Result<Predicate, Error> {
        let access = &self.caller.access;
        match access.read(table.id).or_else(|| access.update(table.id)) {
            Some(right) => Ok(right.rows()),
            // The rows of a right to create mean nothing.
            None => access.create(table.id).map(|_| Predicate::always()).ok_or_else(|| forbidden(table).into()),
        }
    }

    /// The same where values of some columns are copied from there: nobody gets at
    /// one that they may not read by pointing to its row.
    fn visible_with(&self, table: &Table, copied: &[ColumnId]) -> Result<Predicate, Error> {
        if copied.iter().all(|column| table.key.contains(column)) {
            return self.visible(table);
        }
        let right = self.caller.access.read(table.id).ok_or_else(|| forbidden(table))?;
        let fields = copied.iter().map(|column| table.column_field(*column));
        if fields.clone().any(|field| !right.allows(field)) || copied.iter().any(|id| table.column(*id).is_concealed())
        {
            return Err(forbidden(table).into());
        }
        Ok(right.rows_with_all(fields))
    }

    /// Makes the rows that point to written rows what their payloads say.
    /// Nothing points yet to rows that are `fresh`.
    pub(super) async fn save_related(
        &self,
        table: &Table,
        parents: Vec<(RowImage, Vec<ToMany>)>,
        fresh: bool,
    ) -> Result<(), Error> {
        let mut ways: Vec<_> = parents.iter().flat_map(|(_, sets)| sets).map(|set| set.relationship).collect();
        ways.sort_unstable();
        ways.dedup();
        for way in ways {
            let relationship = self.catalog().relationship(way).clone();
            let mut sets = Vec::new();
            let mut field = String::new();
            for (image, to_many) in &parents {
                for set in to_many.iter().filter(|set| set.relationship == way) {
                    let Some(parent) = values(table, &relationship.from_columns, image) else {
                        // Nothing can point to a row by columns that are null.
                        if set.payloads.is_empty() {
                            continue;
                        }
                        return Err(nothing_to_point_to(table, &relationship, &set.field));
                    };
                    let row = (table.id, image.row_key(table));
                    sets.push(Set { parent, row, payloads: set.payloads.clone() });
                    field.clone_from(&set.field);
                }
            }
            let deeper = self.deeper()?;
            let saved = match &relationship.cardinality {
                Cardinality::OneToMany | Cardinality::ManyToOne => {
                    deeper.save_children(&relationship, sets, fresh).await
                }
                Cardinality::ManyToMany { junction, junction_columns, target_columns } => {
                    let junction = self.catalog().table(*junction);
                    let pairs = Pairs { junction, far: junction_columns, target: target_columns };
                    deeper.save_pairs(&relationship, &pairs, sets, fresh).await
                }
            };
            saved.map_err(|error| error.within(&field))?;
        }
        Ok(())
    }

    /// One-to-many: rows whose foreign key is the parent's.
    async fn save_children(&self, relationship: &Relationship, mut sets: Vec<Set>, fresh: bool) -> Result<(), Error> {
        let catalog = self.catalog();
        let child = catalog.table(relationship.to);
        let fields: Vec<&str> = relationship.to_columns.iter().map(|column| child.column_field(*column)).collect();
        let mut listed: Vec<(Option<RowKey>, Payload, RowKey, RowId)> = Vec::new();
        let parents: Vec<(RowKey, RowId)> = sets.iter().map(|set| (set.parent.clone(), set.row.clone())).collect();
        for set in &mut sets {
            for mut payload in set.payloads.drain(..) {
                for (field, part) in fields.iter().zip(&set.parent) {
                    payload.insert((*field).to_owned(), key_json(std::slice::from_ref(part)));
                }
                let key = payload_key(catalog, child, &payload)?;
                listed.push((key, payload, set.parent.clone(), set.row.clone()));
            }
        }
        let keys: Vec<RowKey> = listed.iter().filter_map(|(key, ..)| key.clone()).collect();
        let found = self.locate(child, &child.key, &keys, &self.visible(child)?, false).await?;
        if !fresh {
            let kept: HashSet<RowKey> = found.rows().map(|image| image.row_key(child)).collect();
            self.let_go(relationship, child, &parents, &kept).await?;
        }
        // In the order of the document: a row in several sets ends up in the last.
        let (mut alterations, mut creations) = (Vec::new(), Vec::new());
        let (mut altered, mut created) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        let mut moved: HashSet<RowKey> = HashSet::new();
        for (key, payload, parent, row) in listed {
            let Some(key) = key else {
                creations.push(Given::Owned(payload));
                created.push(row);
                continue;
            };
            match found.get(&key) {
                Some(image) => {
                    let is_there = values(child, &relationship.to_columns, image).as_ref() == Some(&parent);
                    let stored = image.row_key(child);
                    let stays = is_there && !moved.contains(&stored);
                    if !stays {
                        moved.insert(stored.clone());
                    }
                    let says_more = payload.iter().any(|(name, json)| {
                        let is_key = child.key.iter().any(|column| child.column_field(*column) == name);
                        !(fields.contains(&name.as_str()) || (is_key && !json.is_object()))
                    });
                    if !stays || says_more {
                        alterations.push(Alteration { keys: vec![stored], payload });
                        altered.push(row);
                    }
                }
                None if seen.insert(key.clone()) => {
                    creations.push(Given::Owned(payload));
                    created.push(row);
                }
                None => return Err(duplicate(child, &key)),
            }
        }
        if !alterations.is_empty() {
            let images = self.update(child, alterations, Missing::Refuse).await?;
            self.nested(child, images.iter().flatten().zip(altered));
        }
        if !creations.is_empty() {
            let images = self.create(child, creations).await?;
            self.nested(child, images.iter().zip(created));
        }
        Ok(())
    }

    /// Rows that pointed to parents and shall no longer: their foreign key
    /// becomes null; where it is part of the row's own key, as in a junction, the
    /// row has no meaning without it and goes.
    async fn let_go(
        &self,
        relationship: &Relationship,
        child: &Table,
        parents: &[(RowKey, RowId)],
        kept: &HashSet<RowKey>,
    ) -> Result<(), Error> {
        let visible = self.visible(child)?;
        let asked: Vec<RowKey> = parents.iter().map(|(parent, _)| parent.clone()).collect();
        let current = self.locate(child, &relationship.to_columns, &asked, &visible, true).await?;
        let mut gone = Vec::new();
        let mut seen = HashSet::new();
        for (parent, row) in parents.iter().filter(|(parent, _)| seen.insert(parent)) {
            let leaving = || current.all(parent).iter().filter(|image| !kept.contains(&image.row_key(child)));
            self.nested(child, leaving().map(|image| (image, row.clone())));
            gone.extend(leaving().map(|image| image.row_key(child)));
        }
        if gone.is_empty() {
            return Ok(());
        }
        let columns = &relationship.to_columns;
        // One null among several columns is enough; a tenant stays what it is.
        let emptied: Vec<&ColumnId> = columns.iter().filter(|column| may_be_emptied(child, **column)).collect();
        let is_part_of_key = emptied.is_empty() && columns.iter().any(|column| child.key.contains(column));
        if relationship.deletes || is_part_of_key {
            return self.delete(child, gone, Missing::Refuse).await;
        }
        if let (Some(column), true) = (columns.first(), emptied.is_empty()) {
            return Err(Error::Broken(Box::new(Broken {
                kind: ViolationKind::NotNull,
                collection: Some(child.collection.clone()),
                field: Some(child.column_field(*column).to_owned()),
                value: None,
                constraint: None,
                transient: false,
            })));
        }
        let nothing = emptied.into_iter().map(|column| (child.column_field(*column).to_owned(), Json::Null)).collect();
        self.update(child, vec![Alteration { keys: gone, payload: nothing }], Missing::Refuse).await.map(drop)
    }

    /// Many-to-many: pairs in a junction.
    async fn save_pairs(
        &self,
        relationship: &Relationship,
        pairs: &Pairs<'_>,
        sets: Vec<Set>,
        fresh: bool,
    ) -> Result<(), Error> {
        let target = self.catalog().table(relationship.to);
        let parents: Vec<RowKey> = sets.iter().map(|set| set.parent.clone()).collect();
        let mut owners = Vec::new();
        let mut payloads = Vec::new();
        for set in sets {
            owners.extend(std::iter::repeat_n((set.parent, set.row), set.payloads.len()));
            payloads.extend(set.payloads);
        }
        let images = self.relate(target, pairs.target, payloads).await?;
        let mut wanted: Vec<(RowKey, RowKey)> = Vec::with_capacity(images.len());
        let mut known: HashMap<(RowKey, RowKey), (RowId, &RowImage)> = HashMap::new();
        for ((owner, row), image) in owners.into_iter().zip(&images) {
            let pair = (owner, values(target, pairs.target, image).ok_or(Error::Internal)?);
            if known.insert(pair.clone(), (row, image)).is_none() {
                wanted.push(pair);
            }
        }
        self.nested(target, known.values().map(|(row, image)| (*image, row.clone())));
        let junction = pairs.junction;
        if !fresh {
            let near = &relationship.to_columns;
            let current = self.locate(junction, near, &parents, &self.visible(junction)?, true).await?;
            let mut there = HashSet::new();
            let mut gone = Vec::new();
            let mut seen = HashSet::new();
            for parent in parents.iter().filter(|parent| seen.insert(*parent)) {
                for image in current.all(parent) {
                    let Some(far) = values(junction, pairs.far, image) else { continue };
                    let pair = (parent.clone(), far);
                    if !known.contains_key(&pair) {
                        gone.push(image.row_key(junction));
                    }
                    there.insert(pair);
                }
            }
            wanted.retain(|pair| !there.contains(pair));
            if !gone.is_empty() {
                self.delete(junction, gone, Missing::Refuse).await?;
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let payload = |(near, far): &(RowKey, RowKey)| {
            let columns = relationship.to_columns.iter().chain(pairs.far);
            let parts = near.iter().chain(far);
            let member = |(column, part): (&ColumnId, _)| {
                (junction.column_field(*column).to_owned(), key_json(std::slice::from_ref(part)))
            };
            Given::Owned(columns.zip(parts).map(member).collect())
        };
        let payloads = wanted.iter().map(payload).collect();
        let made = self.create(junction, payloads).await?;
        for (image, (row, member)) in made.iter().zip(wanted.iter().filter_map(|pair| known.get(pair))) {
            self.nested(junction, [(image, row.clone())]);
            self.nested(target, [(*member, (junction.id, image.row_key(junction)))]);
        }
        Ok(())
    }
}

/// A junction, and how it points to the target.
struct Pairs<'a> {
    junction: &'a Table,
    far: &'a [ColumnId],
    target: &'a [ColumnId],
}

/// Rows are listed for one that lacks what they would hold.
fn nothing_to_point_to(table: &Table, relationship: &Relationship, field: &str) -> Error {
    let columns: Vec<&str> = relationship.from_columns.iter().map(|column| table.column_field(*column)).collect();
    let (columns, collection) = (columns.join("`, `"), &table.collection);
    Fault::Payload(format!("`{field}` needs a value in `{columns}` of `{collection}` to point to")).into()
}

/// Two new rows of one key.
fn duplicate(table: &Table, key: &RowKey) -> Error {
    Error::Broken(Box::new(Broken {
        kind: ViolationKind::Unique,
        collection: Some(table.collection.clone()),
        field: table.key.first().map(|column| table.column_field(*column).to_owned()),
        value: Some(key_json(key)),
        constraint: None,
        transient: false,
    }))
}
