//! Schema evolution by field id: a change of the columns that leaves the data files as they are.
//!
//! A field keeps its id through renames, moves and changes of type; one that is dropped never comes back, and a new one of
//! its name has another id. Whether the rows allow a change is for the transaction to find out.

use arrow_schema::Field;

use super::schema::{ColumnField, ColumnType, TableSchema};
use crate::error::{Error, Result};
use crate::nearest::nearest;

/// One change of the columns of a table. A path is a column, or a column and the names of nested fields; the item of a list
/// is called `item` and may be left out.
#[derive(Debug, Clone)]
pub enum Evolution {
    /// Add a field at the end of the columns, or of the struct that the path leads to.
    Add {
        /// Where, with the new name last.
        path: Vec<String>,
        /// Type and whether nulls are allowed.
        field: Field,
        /// What older rows have instead of null, as text.
        default: Option<String>,
    },
    /// Drop a field.
    Drop {
        /// Which one.
        path: Vec<String>,
    },
    /// Give a field another name.
    Rename {
        /// Which one.
        path: Vec<String>,
        /// The new name.
        to: String,
    },
    /// Put the columns into another order.
    Reorder {
        /// All columns, each once.
        columns: Vec<String>,
    },
    /// Give a field another type.
    Retype {
        /// Which one.
        path: Vec<String>,
        /// The new type.
        field: Field,
        /// Whether values may get lost.
        narrowing: bool,
    },
    /// Allow or forbid nulls.
    SetNullable {
        /// Which one.
        path: Vec<String>,
        /// Whether nulls are allowed.
        nullable: bool,
    },
}

impl TableSchema {
    /// The schema after a change; `place` names the table in errors.
    pub fn evolved(&self, change: &Evolution, place: &str) -> Result<Self> {
        let mut next = self.clone();
        next.id += 1;
        match change {
            Evolution::Add { path, field, default } => next.add(path, field, default.as_ref(), place)?,
            Evolution::Drop { path } => {
                let (siblings, position) = locate(&mut next.fields, path, place)?;
                if siblings.len() == 1 {
                    return Err(contradiction(place, format!("'{}' is the last one there", path.join("."))));
                }
                let dropped = siblings.remove(position);
                next.defaults.remove(&dropped.id);
            }
            Evolution::Rename { path, to } => {
                let (siblings, position) = locate(&mut next.fields, path, place)?;
                if siblings[position].name != *to {
                    check_free(siblings, to, place)?;
                    siblings[position].name.clone_from(to);
                }
            }
            Evolution::Reorder { columns } => next.reorder(columns, place)?,
            Evolution::Retype { path, field, narrowing } => {
                let (siblings, position) = locate(&mut next.fields, path, place)?;
                let kind = ColumnType::from_arrow(field.data_type(), &path.join("."), &mut next.next_field_id)?;
                siblings[position].retype(kind, *narrowing, place)?;
            }
            Evolution::SetNullable { path, nullable } => {
                let (siblings, position) = locate(&mut next.fields, path, place)?;
                siblings[position].nullable = *nullable;
            }
        }
        Ok(next)
    }

    /// The field at `path`.
    pub fn field_at(&self, path: &[String], place: &str) -> Result<ColumnField> {
        let mut fields = self.fields.clone();
        let (siblings, position) = locate(&mut fields, path, place)?;
        Ok(siblings[position].clone())
    }

    /// The column of field `id`.
    pub fn field_by_id(&self, id: i32) -> Option<&ColumnField> {
        self.fields.iter().find(|field| field.id == id)
    }

    fn add(&mut self, path: &[String], field: &Field, default: Option<&String>, place: &str) -> Result<()> {
        let mut next_id = self.next_field_id;
        let (name, parents) = path.split_last().ok_or_else(|| empty_path(place))?;
        if default.is_some() && !parents.is_empty() {
            return Err(contradiction(place, "a nested field cannot have a default".into()));
        }
        let siblings = if parents.is_empty() {
            &mut self.fields
        } else {
            let (above, position) = locate(&mut self.fields, parents, place)?;
            members(&mut above[position], place)?
        };
        check_free(siblings, name, place)?;
        let mut added = ColumnField::from_arrow(field, &path.join("."), &mut next_id)?;
        added.name.clone_from(name);
        if let Some(default) = default {
            self.defaults.insert(added.id, default.clone());
        }
        siblings.push(added);
        self.next_field_id = next_id;
        Ok(())
    }

    fn reorder(&mut self, columns: &[String], place: &str) -> Result<()> {
        let mut ordered = Vec::with_capacity(columns.len());
        for name in columns {
            let (siblings, position) = locate(&mut self.fields, std::slice::from_ref(name), place)?;
            ordered.push(siblings.remove(position));
        }
        if let Some(left) = self.fields.first() {
            let problem = format!("the new order leaves out column '{}'", left.name);
            return Err(contradiction(place, problem));
        }
        self.fields = ordered;
        Ok(())
    }
}

impl ColumnField {
    fn retype(&mut self, mut kind: ColumnType, narrowing: bool, place: &str) -> Result<()> {
        let (name, from) = (self.name.clone(), self.kind.clone());
        if !kind.accepts(&from) {
            let is_number = |kind: &ColumnType| {
                kind.integer().is_some() || matches!(kind, ColumnType::Float32 | ColumnType::Float64)
            };
            if !(from.accepts(&kind) || is_number(&from) && is_number(&kind)) {
                let problem = format!("column '{name}' is {from} and cannot become {kind}");
                return Err(contradiction(place, problem));
            }
            if !narrowing {
                return Err(Error::Narrowing {
                    place: place.into(),
                    column: name,
                    from: from.to_string(),
                    to: kind.to_string(),
                });
            }
        }
        keep_ids(&mut kind, &from);
        self.kind = kind;
        Ok(())
    }
}

/// Nested fields of the same name keep their ids.
fn keep_ids(kind: &mut ColumnType, from: &ColumnType) {
    match (kind, from) {
        (ColumnType::List { item }, ColumnType::List { item: old }) => {
            item.id = old.id;
            item.nullable = old.nullable;
            keep_ids(&mut item.kind, &old.kind);
        }
        (ColumnType::Struct { fields }, ColumnType::Struct { fields: olds }) => {
            for field in fields {
                if let Some(old) = olds.iter().find(|old| old.name == field.name) {
                    field.id = old.id;
                    field.nullable = old.nullable;
                    keep_ids(&mut field.kind, &old.kind);
                }
            }
        }
        _ => {}
    }
}

/// The fields beside the one at `path`, and its position among them.
fn locate<'a>(
    fields: &'a mut Vec<ColumnField>,
    path: &[String],
    place: &str,
) -> Result<(&'a mut Vec<ColumnField>, usize)> {
    let (name, rest) = path.split_first().ok_or_else(|| empty_path(place))?;
    let Some(position) = fields.iter().position(|field| field.name == *name) else {
        let nearest = nearest(name, fields.iter().map(|field| field.name.as_str()));
        return Err(Error::ColumnNotFound { name: path.join("."), place: place.into(), nearest });
    };
    if rest.is_empty() {
        return Ok((fields, position));
    }
    let inner = members(&mut fields[position], place)?;
    let rest = if rest.len() > 1 && rest[0] == "item" && inner.iter().all(|field| field.name != "item") {
        &rest[1..]
    } else {
        rest
    };
    locate(inner, rest, place)
}

/// The members of a struct, or of the structs in a list.
fn members<'a>(field: &'a mut ColumnField, place: &str) -> Result<&'a mut Vec<ColumnField>> {
    let name = field.name.clone();
    match &mut field.kind {
        ColumnType::Struct { fields } => Ok(fields),
        ColumnType::List { item } => members(item, place),
        other => Err(contradiction(place, format!("'{name}' is {other} and has no fields"))),
    }
}

fn check_free(siblings: &[ColumnField], name: &str, place: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::InvalidColumns { place: place.into(), problem: "a name is empty".into() });
    }
    match siblings.iter().find(|field| field.name == name) {
        None => Ok(()),
        Some(taken) => {
            let found = taken.kind.to_string();
            Err(Error::ColumnExists { name: name.into(), place: place.into(), found })
        }
    }
}

/// A change that the table or its rows do not allow.
pub(crate) fn contradiction(place: &str, problem: String) -> Error {
    Error::Evolution { place: place.into(), problem }
}

fn empty_path(place: &str) -> Error {
    Error::InvalidColumns { place: place.into(), problem: "a name is missing".into() }
}
