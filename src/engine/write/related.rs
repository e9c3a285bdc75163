//! Rows around the rows that are written (contract `graphql.md` 7.4): those
//! they point to are linked, updated or created before; those that point to
//! them are a complete new set, made so after.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

use super::{
    group::values,
    update::{Alteration, Missing},
    work::{Session, keeps_parents},
};
use crate::{
    catalog::{Cardinality, ColumnId, Relationship, Table},
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
    row: RowImage,
    payloads: Vec<Payload>,
}

/// A row that a draft points to, and whose revision will point to the draft's.
pub(super) struct Linked {
    /// The place of the draft.
    at: usize,
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
                if keeps_parents(target, table) {
                    linked.push(Linked { at, image });
                }
            }
        }
        Ok(linked)
    }

    /// Notes that rows that drafts point to are a part of the drafts' own, once those
    /// are there.
    pub(super) fn note_linked<'i>(&self, linked: Vec<Linked>, image: impl Fn(usize) -> Option<&'i RowImage>) {
        self.note_parents(linked.into_iter().filter_map(|one| Some((one.image, image(one.at)?.clone()))));
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
                    sets.push(Set { parent, row: image.clone(), payloads: set.payloads.clone() });
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
        // Each with the place of its set.
        let mut listed: Vec<(Option<RowKey>, Payload, usize)> = Vec::new();
        for (at, set) in sets.iter_mut().enumerate() {
            for mut payload in set.payloads.drain(..) {
                for (field, part) in fields.iter().zip(&set.parent) {
                    payload.insert((*field).to_owned(), key_json(std::slice::from_ref(part)));
                }
                let key = payload_key(catalog, child, &payload)?;
                listed.push((key, payload, at));
            }
        }
        let keys: Vec<RowKey> = listed.iter().filter_map(|(key, ..)| key.clone()).collect();
        let found = self.locate(child, &child.key, &keys, &self.visible(child)?, false).await?;
        if !fresh {
            let kept: HashSet<RowKey> = found.rows().map(|image| image.row_key(child)).collect();
            self.let_go(relationship, child, &sets, &kept).await?;
        }
        // In the order of the document: a row in several sets ends up in the last.
        let (mut alterations, mut creations) = (Vec::new(), Vec::new());
        let (mut altered, mut created) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        let mut moved: HashSet<RowKey> = HashSet::new();
        for (key, payload, at) in listed {
            let Some(key) = key else {
                creations.push(Given::Owned(payload));
                created.push(at);
                continue;
            };
            match found.get(&key) {
                Some(image) => {
                    let is_there = values(child, &relationship.to_columns, image).as_ref() == Some(&sets[at].parent);
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
                        altered.push(at);
                    }
                }
                None if seen.insert(key.clone()) => {
                    creations.push(Given::Owned(payload));
                    created.push(at);
                }
                None => return Err(duplicate(child, &key)),
            }
        }
        if !alterations.is_empty() {
            let images = self.update(child, alterations, Missing::Refuse).await?;
            let images = images.into_iter().map(|mut images| images.pop());
            self.note_members(relationship, &sets, images.zip(altered));
        }
        if !creations.is_empty() {
            let images = self.create(child, creations).await?;
            self.note_members(relationship, &sets, images.into_iter().map(Some).zip(created));
        }
        Ok(())
    }

    /// Notes of rows that they were written as members of the sets of those places.
    fn note_members(
        &self,
        relationship: &Relationship,
        sets: &[Set],
        members: impl Iterator<Item = (Option<RowImage>, usize)>,
    ) {
        if keeps_parents(self.catalog().table(relationship.to), self.catalog().table(relationship.from)) {
            self.note_parents(members.filter_map(|(image, at)| Some((image?, sets[at].row.clone()))));
        }
    }

    /// Rows that pointed to parents and shall no longer: their foreign key
    /// becomes null; where it is part of the row's own key, as in a junction, the
    /// row has no meaning without it and goes.
    async fn let_go(
        &self,
        relationship: &Relationship,
        child: &Table,
        sets: &[Set],
        kept: &HashSet<RowKey>,
    ) -> Result<(), Error> {
        let visible = self.visible(child)?;
        let asked: Vec<RowKey> = sets.iter().map(|set| set.parent.clone()).collect();
        let current = self.locate(child, &relationship.to_columns, &asked, &visible, true).await?;
        let (mut gone, mut left) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for (at, set) in sets.iter().enumerate() {
            let keys = current.all(&set.parent).iter().map(|image| image.row_key(child));
            for key in keys.filter(|key| !kept.contains(key)) {
                if seen.insert(key.clone()) {
                    gone.push(key);
                    left.push(at);
                }
            }
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
        let images = self.update(child, vec![Alteration { keys: gone, payload: nothing }], Missing::Refuse).await?;
        self.note_members(relationship, sets, images.into_iter().flatten().map(Some).zip(left));
        Ok(())
    }

    /// Many-to-many: pairs in a junction.
    async fn save_pairs(
        &self,
        relationship: &Relationship,
        pairs: &Pairs<'_>,
        mut sets: Vec<Set>,
        fresh: bool,
    ) -> Result<(), Error> {
        let catalog = self.catalog();
        let (owner, target) = (catalog.table(relationship.from), catalog.table(relationship.to));
        let junction = pairs.junction;
        // Each with the place of its set.
        let (mut payloads, mut places) = (Vec::new(), Vec::new());
        for (at, set) in sets.iter_mut().enumerate() {
            places.extend(std::iter::repeat_n(at, set.payloads.len()));
            payloads.append(&mut set.payloads);
        }
        let images = self.relate(target, pairs.target, payloads).await?;
        self.note_members(relationship, &sets, images.iter().cloned().map(Some).zip(places.iter().copied()));
        let mut listed: Vec<Pair> = Vec::with_capacity(images.len());
        for (at, image) in places.iter().zip(&images) {
            let far = values(target, pairs.target, image).ok_or(Error::Internal)?;
            listed.push((sets[*at].parent.clone(), far));
        }
        let mut there = match fresh {
            true => HashSet::new(),
            false => self.let_go_pairs(relationship, pairs, &sets, &listed.iter().collect()).await?,
        };
        // In the order of the document, each once.
        let wanted: Vec<usize> = (0..listed.len()).filter(|at| there.insert(listed[*at].clone())).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let payload = |at: &usize| {
            let (near, far) = &listed[*at];
            let columns = relationship.to_columns.iter().chain(pairs.far);
            let parts = near.iter().chain(far);
            let member = |(column, part): (&ColumnId, _)| {
                (junction.column_field(*column).to_owned(), key_json(std::slice::from_ref(part)))
            };
            Given::Owned(columns.zip(parts).map(member).collect())
        };
        let made = self.create(junction, wanted.iter().map(payload).collect()).await?;
        if keeps_parents(junction, owner) {
            let rows = wanted.iter().map(|at| sets[places[*at]].row.clone());
            self.note_parents(made.iter().cloned().zip(rows));
        }
        if keeps_parents(target, junction) {
            let made: HashMap<&Pair, &RowImage> = wanted.iter().map(|at| &listed[*at]).zip(&made).collect();
            let within = |(pair, image): (&Pair, RowImage)| Some((image, (*made.get(pair)?).clone()));
            self.note_parents(listed.iter().zip(images).filter_map(within));
        }
        Ok(())
    }

    /// Deletes the pairs of sets that are not among those that are listed; all that
    /// there were.
    async fn let_go_pairs(
        &self,
        relationship: &Relationship,
        pairs: &Pairs<'_>,
        sets: &[Set],
        listed: &HashSet<&Pair>,
    ) -> Result<HashSet<Pair>, Error> {
        let (junction, near) = (pairs.junction, &relationship.to_columns);
        let parents: Vec<RowKey> = sets.iter().map(|set| set.parent.clone()).collect();
        let current = self.locate(junction, near, &parents, &self.visible(junction)?, true).await?;
        let mut there = HashSet::new();
        let mut gone = Vec::new();
        let mut seen = HashSet::new();
        for parent in parents.iter().filter(|parent| seen.insert(*parent)) {
            for image in current.all(parent) {
                let Some(far) = values(junction, pairs.far, image) else { continue };
                let pair = (parent.clone(), far);
                if !listed.contains(&pair) {
                    gone.push(image.row_key(junction));
                }
                there.insert(pair);
            }
        }
        if !gone.is_empty() {
            self.delete(junction, gone, Missing::Refuse).await?;
        }
        Ok(there)
    }
}

/// Keys of two rows that a junction brings together: that of the set, and that of its
/// member.
type Pair = (RowKey, RowKey);

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
