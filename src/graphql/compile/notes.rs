//! What is noted of a plan for somebody who wants to know: its parts, the rights
//! that came into each, and its statements. Of a plan that nobody asks about
//! nothing is noted.

use serde_json::{Map, Value as Json, json};

use super::{super::document::Collected, Compiler};
use crate::{
    catalog::Table,
    permissions::{Fields, Right},
    plan::write::WriteAction,
    predicate::{self, Predicate},
};

/// A part of a plan.
#[derive(Clone, Debug, Default)]
pub(in crate::graphql) struct Note {
    /// The fields that lead to it, from the root on.
    pub(in crate::graphql) path: String,
    /// What it does.
    pub(in crate::graphql) kind: &'static str,
    pub(in crate::graphql) collection: String,
    /// What the caller's rights have added to it.
    pub(in crate::graphql) rights: Json,
    /// The statement that it runs, if it is known before it is run.
    pub(in crate::graphql) statement: Option<String>,
}

/// Where a note will stand.
#[derive(Clone, Copy)]
pub(super) struct Place(Option<usize>);

impl<'a> Compiler<'a> {
    /// Keeps a place for a note, which stands before those of what is below it.
    pub(super) fn place(&mut self) -> Place {
        let Some(notes) = &mut self.notes else { return Place(None) };
        notes.push(Note::default());
        Place(Some(notes.len() - 1))
    }

    /// Where the next note will stand.
    pub(super) fn noted(&self) -> Place {
        Place(self.notes.as_ref().map(Vec::len))
    }

    /// Takes back what was noted from a place on.
    pub(super) fn forget(&mut self, place: Place) {
        if let (Some(notes), Place(Some(at))) = (&mut self.notes, place) {
            notes.truncate(at);
        }
    }

    /// Takes back what was noted behind a place.
    pub(super) fn forget_below(&mut self, Place(place): Place) {
        self.forget(Place(place.map(|at| at + 1)));
    }

    /// Fills a place, if anybody asks.
    pub(super) fn note(&mut self, place: Place, note: impl FnOnce(&Self) -> Note) {
        if let Place(Some(at)) = place {
            let note = Note { path: self.path.join("."), ..note(self) };
            if let Some(notes) = &mut self.notes {
                notes[at] = note;
            }
        }
    }

    /// A note of rows that are read.
    pub(super) fn reading(
        &self,
        kind: &'static str,
        table: &Table,
        fields: &[Box<str>],
        statement: Option<String>,
    ) -> Note {
        let rights = match self.types.access.read(table.id) {
            Some(readable) if !readable.is_everything() => {
                let asked = fields.iter().map(|field| &**field);
                let partial = asked.clone().filter(|field| readable.is_partial(field));
                let masks: Map<String, Json> =
                    partial.map(|field| (field.to_owned(), self.words(table, &readable.rows_of(field)))).collect();
                let mut rights = json!({ "rows": self.words(table, &readable.rows_with_any(asked)) });
                if !masks.is_empty() {
                    rights["fields"] = masks.into();
                }
                rights
            }
            _ => "everything".into(),
        };
        Note { kind, collection: table.collection.clone(), rights, statement, ..Note::default() }
    }

    /// A note of figures over rows: all that are there for the caller, whichever
    /// fields they are of.
    pub(super) fn figures(&self, table: &Table, fields: &[Box<str>], statement: String) -> Note {
        let mut note = self.reading("aggregated", table, fields, Some(statement));
        if let (Some(readable), Json::Object(rights)) = (self.types.access.read(table.id), &mut note.rights) {
            rights.insert("rows".to_owned(), self.words(table, &readable.rows()));
        }
        note
    }

    /// A note of rows that are written.
    pub(super) fn writing(&self, table: &Table, action: Option<WriteAction>) -> Note {
        let (kind, right) = match action {
            Some(WriteAction::Create) => ("create", self.types.access.create(table.id)),
            Some(WriteAction::Update) => ("update", self.types.access.update(table.id)),
            None => ("delete", self.types.access.delete(table.id)),
        };
        let rights = match right {
            Some(right) if !right.is_everything() => self.grants(table, right),
            Some(_) => "everything".into(),
            None => "nothing".into(),
        };
        Note { kind, collection: table.collection.clone(), rights, ..Note::default() }
    }

    fn grants(&self, table: &Table, right: Right<'_>) -> Json {
        let grants = right.grants().iter().map(|grant| {
            let fields = match &grant.fields {
                Fields::All => json!("*"),
                Fields::Only(names) => {
                    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
                    names.sort_unstable();
                    json!(names)
                }
            };
            json!({ "fields": fields, "rows": self.words(table, &grant.rows) })
        });
        let mut rights = json!({ "grants": grants.collect::<Vec<_>>() });
        if let Some(presets) = right.presets() {
            rights["presets"] = presets.clone().into();
        }
        if !right.validation().is_empty() {
            rights["validation"] = right.validation().into();
        }
        rights
    }

    fn words(&self, table: &Table, predicate: &Predicate) -> Json {
        predicate::describe(self.types.catalog, table, predicate).into()
    }

    /// The fields of a row that are asked for, whatever they are called in the
    /// answer.
    pub(super) fn asked_fields(&self, table: &Table, fields: &[Collected<'a>]) -> Vec<Box<str>> {
        let names = fields.iter().map(|field| field.field.name.node.as_str()).filter(|name| *name != "__typename");
        let base = |name: &'a str| match name.strip_suffix("_func").filter(|_| table.field(name).is_none()) {
            Some(base) => base.into(),
            None => name.into(),
        };
        names.map(base).collect()
    }
}
