//! From rows to JSON bytes, in one buffer, with null bubbling by the
//! specification: a fault nulls the nearest nullable field above it, the rest
//! of the answer stays (GraphQL specification 6.4.4).

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{
    Answer, ChangeMember, Code, Error, Member, Node, Output, Position, Root, RootKind, Shape, WriteAnswer,
    levels::{Filled, Level},
};
use crate::{db::Rows, error_code::ErrorCode, value::json};

/// A step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathSegment {
    /// A member of an object.
    Key(Arc<str>),
    /// An element of a list.
    Index(usize),
}

/// What went wrong at one place of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// For the client.
    pub message: String,
    /// The stable code.
    pub code: Code,
    /// Further members of `extensions`.
    pub details: Map<String, Json>,
    /// Where in the document.
    pub position: Position,
    /// Where in the answer.
    pub path: Vec<PathSegment>,
}

/// Faults beyond this number are not told one by one.
const MAX_ERRORS: usize = 1_000;

/// Most bytes that are reserved ahead.
const MAX_RESERVED: usize = 4 << 20;

/// How an answer begins.
pub(super) const DATA: &[u8] = b"{\"data\":";

/// The nearest nullable field above must become null.
struct Bubble;

struct Writer {
    out: Vec<u8>,
    /// Most bytes of it: rows that many lead to are written out for each of them.
    limit: usize,
    /// Whether it would have been more.
    too_large: bool,
    errors: Vec<FieldError>,
    path: Vec<PathSegment>,
}

/// The value of one root field by itself.
pub(super) fn alone(root: &Root, filled: Filled, limit: usize) -> Written {
    let mut w = Writer::new(Vec::with_capacity(1024), limit, vec![PathSegment::Key(root.key.clone())]);
    let bubbled = w.root(root, &Ok(filled)).is_err();
    w.tell_size(root.position);
    Written { text: w.out, head: 0, errors: w.errors, bubbled }
}

/// The rows of a level as a JSON list.
pub(super) fn list(node: &Node, level: &Level, limit: usize) -> Result<Vec<u8>, Error> {
    let mut w = Writer::new(Vec::with_capacity(1024), limit, Vec::new());
    match w.list(node, level, Some(0), true) {
        Ok(()) => Ok(w.out),
        Err(Bubble) if w.too_large => Err(Error::TooLarge(limit)),
        Err(Bubble) => Err(Error::Internal),
    }
}

/// One row of a change, which may hang on a level.
pub(super) fn row(
    node: &Node,
    level: &Level,
    at: RowAt,
    root: &Root,
    member: &ChangeMember,
    limit: usize,
) -> (Vec<u8>, Vec<FieldError>) {
    let path = vec![PathSegment::Key(root.key.clone()), PathSegment::Key(member.key.clone())];
    let mut w = Writer::new(Vec::with_capacity(256), limit, path);
    let batch = &level.batches[at.batch];
    let place = Place { rows: &batch.rows, row: batch.row(at.row), below: Some((node, level, at.number)) };
    if w.object(&node.shape, place).is_err() {
        w.tell_size(root.position);
        w.null_from(0);
    }
    (w.out, w.errors)
}

/// Why a change lacks its row.
pub(super) fn failure(error: &Error, root: &Root, member: &ChangeMember) -> FieldError {
    let path = vec![PathSegment::Key(root.key.clone()), PathSegment::Key(member.key.clone())];
    let (message, code, details) = (error.to_string(), error.code(), error.details());
    FieldError { message, code, details, position: root.position, path }
}

/// A row of a level.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowAt {
    pub(super) batch: usize,
    /// Its place in the batch.
    pub(super) row: u32,
    /// Its number in the level.
    pub(super) number: usize,
}

/// Nothing of an operation was done because one of its root fields failed.
pub(super) fn undone(root: &Root, error: &Error) -> Answer {
    let mut w = Writer::new(DATA.to_vec(), usize::MAX, vec![PathSegment::Key(root.key.clone())]);
    w.out.extend_from_slice(b"null");
    w.fail(error, root.position);
    Answer { body: w.out, errors: w.errors }
}

/// Writes `data`, the object that holds it left open.
pub(super) fn answer(roots: &[Root], mut filled: Vec<Result<Filled, Error>>, limit: usize) -> Answer {
    if let ([root], [Ok(Filled::Written(written))]) = (roots, &mut filled[..])
        && written.head > 0
    {
        return written.alone(root);
    }
    let mut w = Writer::new(Vec::with_capacity(4096), limit, Vec::new());
    w.out.extend_from_slice(DATA);
    if w.roots(roots, &filled).is_err() {
        w.null_from(DATA.len());
    }
    Answer { body: w.out, errors: w.errors }
}

/// Writes a root list while its rows arrive.
pub(super) struct ListWriter<'a> {
    writer: Writer,
    node: &'a Node,
    position: Position,
    count: usize,
    /// Length of what stands before the list in an answer of its own.
    head: usize,
    bubbled: bool,
}

/// A root list, written.
#[derive(Debug)]
pub(super) struct Written {
    text: Vec<u8>,
    head: usize,
    errors: Vec<FieldError>,
    bubbled: bool,
}

impl<'a> ListWriter<'a> {
    pub(super) fn new(root: &Root, node: &'a Node, limit: usize) -> Self {
        let mut out = Vec::with_capacity(4096);
        out.extend_from_slice(DATA);
        out.push(b'{');
        json::write_string(&mut out, &root.key);
        out.push(b':');
        let head = out.len();
        out.push(b'[');
        let writer = Writer::new(out, limit, vec![PathSegment::Key(root.key.clone())]);
        Self { writer, node, position: root.position, count: 0, head, bubbled: false }
    }

    pub(super) fn rows(&mut self, rows: &Rows) {
        for row in 0..rows.len() {
            if self.bubbled {
                return;
            }
            if self.writer.check_size().is_err() {
                self.bubbled = true;
                self.writer.tell_size(self.position);
                return;
            }
            let from = self.writer.out.len();
            if self.count > 0 {
                self.writer.out.push(b',');
            }
            self.writer.path.push(PathSegment::Index(self.count));
            let written = self.writer.object(&self.node.shape, Place { rows, row, below: None });
            self.writer.path.pop();
            self.bubbled = written.is_err();
            if self.count == 0 {
                self.writer.reserve_like(from, self.node.expected_rows);
            }
            self.count += 1;
        }
    }

    pub(super) fn finish(mut self) -> Written {
        self.writer.out.push(b']');
        Written { text: self.writer.out, head: self.head, errors: self.writer.errors, bubbled: self.bubbled }
    }
}

impl Written {
    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&[u8]> {
        (!self.bubbled).then(|| &self.text[self.head..])
    }

    /// The same with another text.
    pub(super) fn with_text(self, text: Vec<u8>) -> Self {
        Self { text, head: 0, ..self }
    }

    /// As the only root of an answer, of which its head was made.
    fn alone(&mut self, root: &Root) -> Answer {
        let mut body = std::mem::take(&mut self.text);
        if self.bubbled {
            body.truncate(if root.non_null { DATA.len() } else { self.head });
            body.extend_from_slice(b"null");
        }
        if !(self.bubbled && root.non_null) {
            body.push(b'}');
        }
        Answer { body, errors: std::mem::take(&mut self.errors) }
    }
}

/// One row within a level.
#[derive(Clone, Copy)]
struct Place<'a> {
    rows: &'a Rows,
    row: usize,
    /// The row's level, and its number there; where anything hangs on it.
    below: Option<(&'a Node, &'a Level, usize)>,
}

impl Writer {
    fn new(out: Vec<u8>, limit: usize, path: Vec<PathSegment>) -> Self {
        Self { out, limit, too_large: false, errors: Vec::new(), path }
    }

    /// Before a row is written.
    fn check_size(&mut self) -> Result<(), Bubble> {
        self.too_large |= self.out.len() > self.limit;
        if self.too_large { Err(Bubble) } else { Ok(()) }
    }

    /// Tells that there was more than may be, once.
    fn tell_size(&mut self, position: Position) {
        if std::mem::take(&mut self.too_large) {
            self.fail(&Error::TooLarge(self.limit), position);
        }
    }

    fn roots(&mut self, roots: &[Root], filled: &[Result<Filled, Error>]) -> Result<(), Bubble> {
        self.out.push(b'{');
        for (at, (root, filled)) in roots.iter().zip(filled).enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            json::write_string(&mut self.out, &root.key);
            self.out.push(b':');
            self.path.push(PathSegment::Key(root.key.clone()));
            let from = self.out.len();
            let written = self.root(root, filled);
            self.tell_size(root.position);
            self.path.pop();
            if written.is_err() {
                if root.non_null {
                    return Err(Bubble);
                }
                self.null_from(from);
            }
        }
        self.out.push(b'}');
        Ok(())
    }

    fn root(&mut self, root: &Root, filled: &Result<Filled, Error>) -> Result<(), Bubble> {
        let filled = filled.as_ref().map_err(|error| self.fail(error, root.position))?;
        match (&root.kind, filled) {
            (RootKind::Constant(text), _) => {
                self.out.extend_from_slice(text);
                Ok(())
            }
            (_, Filled::Written(written)) => {
                self.errors.extend(written.errors.iter().cloned());
                if written.bubbled {
                    return Err(Bubble);
                }
                self.out.extend_from_slice(&written.text[written.head..]);
                Ok(())
            }
            (RootKind::List(node), Filled::Rows(level)) => self.list(node, level, Some(0), true),
            (RootKind::Single(node), Filled::Rows(level)) => self.first(node, level, Some(0)),
            (_, Filled::Text(text)) => {
                self.out.extend_from_slice(text);
                Ok(())
            }
            (RootKind::Write(write), Filled::Rows(level)) => match &write.answer {
                WriteAnswer::Rows(node) => self.list(node, level, Some(0), true),
                WriteAnswer::Row(node) => self.first(node, level, Some(0)),
                WriteAnswer::Done | WriteAnswer::Gone { .. } => Err(self.fail(&Error::Internal, root.position)),
            },
            (RootKind::Key(root), Filled::Rows(level)) => self.first(&root.node, level, Some(0)),
            (RootKind::Aggregate(root), Filled::Aggregate(rows)) => self.aggregates(&root.shape, rows),
            (RootKind::LiveAggregate(root), Filled::Aggregate(rows)) => self.aggregates(&root.aggregate.shape, rows),
            (
                RootKind::List(_)
                | RootKind::Single(_)
                | RootKind::Native(_)
                | RootKind::Key(_)
                | RootKind::Aggregate(_)
                | RootKind::LiveAggregate(_)
                | RootKind::Write(_)
                | RootKind::Changes(_)
                | RootKind::Failed(_),
                _,
            ) => Err(self.fail(&Error::Internal, root.position)),
        }
    }

    /// The rows of one key. Elements that fail become null, or take the list
    /// with them.
    fn list(&mut self, node: &Node, level: &Level, span: Option<u32>, non_null: bool) -> Result<(), Bubble> {
        self.out.push(b'[');
        if let Some(span) = span.and_then(|span| level.spans.get(span as usize)) {
            for index in 0..span.length {
                self.check_size()?;
                if index > 0 {
                    self.out.push(b',');
                }
                let batch = &level.batches[span.batch];
                let place = Place {
                    rows: &batch.rows,
                    row: batch.row(span.start + index),
                    below: Some((node, level, (span.base + index) as usize)),
                };
                self.path.push(PathSegment::Index(index as usize));
                let from = self.out.len();
                let written = self.object(&node.shape, place);
                self.path.pop();
                if written.is_err() {
                    if non_null {
                        return Err(Bubble);
                    }
                    self.null_from(from);
                }
                if index == 0 {
                    self.reserve_like(from, span.length as usize);
                }
            }
        }
        self.out.push(b']');
        Ok(())
    }

    /// The first row of one key, or null.
    fn first(&mut self, node: &Node, level: &Level, span: Option<u32>) -> Result<(), Bubble> {
        let found = span.and_then(|span| level.spans.get(span as usize)).filter(|span| span.length > 0);
        let Some(span) = found else {
            self.out.extend_from_slice(b"null");
            return Ok(());
        };
        self.check_size()?;
        let batch = &level.batches[span.batch];
        let below = Some((node, level, span.base as usize));
        self.object(&node.shape, Place { rows: &batch.rows, row: batch.row(span.start), below })
    }

    fn aggregates(&mut self, shape: &Shape, rows: &Rows) -> Result<(), Bubble> {
        self.out.push(b'[');
        for row in 0..rows.len() {
            if row > 0 {
                self.out.push(b',');
            }
            self.path.push(PathSegment::Index(row));
            let written = self.object(shape, Place { rows, row, below: None });
            self.path.pop();
            written?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, shape: &Shape, place: Place<'_>) -> Result<(), Bubble> {
        self.out.push(b'{');
        for (at, member) in shape.members.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&member.prefix);
            self.member(member, place)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn member(&mut self, member: &Member, place: Place<'_>) -> Result<(), Bubble> {
        match &member.output {
            Output::Cell { column, column_type, form, non_null } => {
                let from = self.out.len();
                let written = place.rows.write_json(place.row, *column, column_type, *form, &mut self.out);
                if written.is_ok() && !(*non_null && &self.out[from..] == b"null") {
                    return Ok(());
                }
                self.out.truncate(from);
                self.path.push(PathSegment::Key(member.key.clone()));
                let message = match written {
                    Err(error) => error.0,
                    Ok(()) => "null in a field that is never null".to_owned(),
                };
                self.report(message, ErrorCode::UnrepresentableValue.into(), Map::new(), member.position);
                self.path.pop();
                if *non_null {
                    return Err(Bubble);
                }
                self.out.extend_from_slice(b"null");
                Ok(())
            }
            Output::Constant(text) => {
                self.out.extend_from_slice(text);
                Ok(())
            }
            Output::Object(shape) => self.below(member, |w| w.object(shape, place)),
            Output::Present(column, _) if place.rows.is_null(place.row, *column) => {
                self.out.extend_from_slice(b"null");
                Ok(())
            }
            Output::Present(_, shape) => self.below(member, |w| w.object(shape, place)),
            Output::One(child) => self.relation(member, *child, place, false),
            Output::Many(child) => self.relation(member, *child, place, true),
            Output::OneOf(children) => {
                // Of all of them, one at most has a key.
                let has_key = |child: &&usize| {
                    let parent =
                        |(_, level, number): (_, &Level, usize)| *level.children.get(**child)?.parents.get(number)?;
                    place.below.and_then(parent).is_some()
                };
                match children.iter().find(has_key) {
                    Some(child) => self.relation(member, *child, place, false),
                    None => {
                        self.out.extend_from_slice(b"null");
                        Ok(())
                    }
                }
            }
        }
    }

    fn relation(&mut self, member: &Member, child: usize, place: Place<'_>, many: bool) -> Result<(), Bubble> {
        self.below(member, |w| {
            let found = place.below.and_then(|(node, level, number)| {
                Some((node.children.get(child)?, level.children.get(child)?, number))
            });
            let Some((child, level, number)) = found else {
                return Err(w.fail(&Error::Internal, member.position));
            };
            if let Some(error) = &level.failure {
                return Err(w.fail(error, member.position));
            }
            let span = level.parents.get(number).copied().flatten();
            match many {
                true if span.is_none() && child.hides => {
                    w.out.extend_from_slice(b"null");
                    Ok(())
                }
                true => w.list(&child.node, level, span, false),
                false => w.first(&child.node, level, span),
            }
        })
    }

    /// A nullable member with values of its own below it.
    fn below(&mut self, member: &Member, write: impl FnOnce(&mut Self) -> Result<(), Bubble>) -> Result<(), Bubble> {
        self.path.push(PathSegment::Key(member.key.clone()));
        let from = self.out.len();
        if write(self).is_err() {
            self.null_from(from);
        }
        self.path.pop();
        Ok(())
    }

    /// Makes room for so many rows like the one from here on: one growth
    /// instead of many. Bounded, since rows may be fewer and shorter.
    fn reserve_like(&mut self, from: usize, rows: usize) {
        let row = self.out.len() - from;
        self.out.reserve((row + row / 8).saturating_mul(rows).min(MAX_RESERVED));
    }

    fn null_from(&mut self, from: usize) {
        self.out.truncate(from);
        self.out.extend_from_slice(b"null");
    }

    fn fail(&mut self, error: &Error, position: Position) -> Bubble {
        self.report(error.to_string(), error.code(), error.details(), position);
        Bubble
    }

    fn report(&mut self, message: String, code: Code, details: Map<String, Json>, position: Position) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(FieldError { message, code, details, position, path: self.path.clone() });
        }
    }
}
