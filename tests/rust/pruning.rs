//! Pruning: a file that is left out holds no matching row, whatever the rows, the predicate and the reader's idea of NaN.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::{BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use lakebed_core::format::manifest::Bound;
use lakebed_core::repository::{OpenOptions, Repository};
use lakebed_core::scan::predicate::{Operator, Predicate};
use lakebed_core::transaction::Mode;
use proptest::prelude::*;

use crate::batches::{Outcome, batch, finish, stream, write};

/// One row: columns `i`, `u`, `f`, `s`, `b`.
type Row = (Option<i64>, Option<u64>, Option<f64>, Option<String>, Option<bool>);

const BIG: i64 = 1 << 53;

fn integers() -> impl Strategy<Value = i64> {
    prop_oneof![-3..4_i64, BIG - 1..BIG + 3, Just(i64::MIN), Just(i64::MAX)]
}

fn floats() -> impl Strategy<Value = f64> {
    let special = prop::sample::select(vec![0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 9.1e15]);
    prop_oneof![(-3..4_i32).prop_map(|x| f64::from(x) / 2.0), special]
}

/// Texts around the length at which bounds are cut, some that no longer text can be put above.
fn texts() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        String::new(),
        "a".repeat(63),
        "a".repeat(64),
        "\u{10ffff}".repeat(16),
        "é".repeat(32),
    ]);
    (start, "[ab\u{10ffff}é]{0,3}").prop_map(|(start, end)| start + &end)
}

fn row() -> impl Strategy<Value = Row> {
    let float = prop_oneof![9 => floats(), 1 => Just(f64::NAN)];
    let unsigned = prop_oneof![0..4_u64, Just(u64::MAX)];
    (
        prop::option::weighted(0.8, integers()),
        prop::option::weighted(0.8, unsigned),
        prop::option::weighted(0.8, float),
        prop::option::weighted(0.8, texts()),
        prop::option::weighted(0.8, any::<bool>()),
    )
}

fn literal(column: &'static str) -> BoxedStrategy<Bound> {
    let whole = || integers().prop_map(|x| Bound::Int(i128::from(x)));
    match column {
        "s" => texts().prop_map(Bound::Text).boxed(),
        "b" => (0..2_i128).prop_map(Bound::Int).boxed(),
        _ => prop_oneof![whole(), floats().prop_map(Bound::Float)].boxed(),
    }
}

fn predicate() -> impl Strategy<Value = Predicate> {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let column = || prop::sample::select(vec!["i", "u", "f", "s", "b"]);
    let operator = prop::sample::select(vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual]);
    let compare = (column(), operator).prop_flat_map(|(name, operator)| {
        literal(name).prop_map(move |x| Predicate::Compare(name.into(), operator, x))
    });
    let among = column().prop_flat_map(|name| {
        prop::collection::vec(literal(name), 0..3).prop_map(move |x| Predicate::In(name.into(), x))
    });
    let null = (column(), any::<bool>()).prop_map(|(name, wanted)| Predicate::IsNull(name.into(), wanted));
    let leaf = prop_oneof![6 => compare, 2 => among, 1 => null];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::Or),
            inner.prop_map(|inner| Predicate::Not(Box::new(inner))),
        ]
    })
}

/// How a reader may order NaN.
#[derive(Clone, Copy)]
enum Nan {
    /// As IEEE 754: unequal to everything.
    Unordered,
    /// As Polars: equal to itself and above everything.
    Greatest,
}

fn value(row: &Row, column: &str) -> Option<Bound> {
    match column {
        "i" => row.0.map(|x| Bound::Int(i128::from(x))),
        "u" => row.1.map(|x| Bound::Int(i128::from(x))),
        "f" => row.2.map(Bound::Float),
        "s" => row.3.clone().map(Bound::Text),
        _ => row.4.map(|x| Bound::Int(i128::from(x))),
    }
}

fn order(a: &Bound, b: &Bound, nan: Nan) -> Option<Ordering> {
    let float = |a: f64, b: f64| match nan {
        Nan::Unordered => a.partial_cmp(&b),
        Nan::Greatest => a.partial_cmp(&b).or_else(|| Some(a.is_nan().cmp(&b.is_nan()))),
    };
    match (a, b) {
        (Bound::Int(a), Bound::Int(b)) => Some(a.cmp(b)),
        (Bound::Text(a), Bound::Text(b)) => Some(a.cmp(b)),
        // Readers turn integers into floats where the two meet.
        (Bound::Int(a), Bound::Float(b)) => float(*a as f64, *b),
        (Bound::Float(a), Bound::Int(b)) => float(*a, *b as f64),
        (Bound::Float(a), Bound::Float(b)) => float(*a, *b),
        _ => None,
    }
}

fn compare(row: &Row, column: &str, operator: Operator, literal: &Bound, nan: Nan) -> Option<bool> {
    let found = order(&value(row, column)?, literal, nan);
    Some(match operator {
        Operator::Equal => found == Some(Ordering::Equal),
        Operator::NotEqual => found != Some(Ordering::Equal),
        Operator::Less => found == Some(Ordering::Less),
        Operator::LessOrEqual => matches!(found, Some(Ordering::Less | Ordering::Equal)),
        Operator::Greater => found == Some(Ordering::Greater),
        Operator::GreaterOrEqual => matches!(found, Some(Ordering::Greater | Ordering::Equal)),
    })
}

/// Three-valued, as SQL has it.
fn holds(predicate: &Predicate, row: &Row, nan: Nan) -> Option<bool> {
    let all = |parts: &[Predicate], wanted: bool| {
        let found: Vec<Option<bool>> = parts.iter().map(|part| holds(part, row, nan)).collect();
        if found.contains(&Some(!wanted)) {
            return Some(!wanted);
        }
        if found.contains(&None) { None } else { Some(wanted) }
    };
    match predicate {
        Predicate::And(parts) => all(parts, true),
        Predicate::Or(parts) => all(parts, false),
        Predicate::Not(inner) => holds(inner, row, nan).map(|x| !x),
        Predicate::Compare(column, operator, literal) => compare(row, column, *operator, literal, nan),
        Predicate::In(column, literals) => {
            value(row, column)?;
            Some(literals.iter().any(|x| compare(row, column, Operator::Equal, x, nan) == Some(true)))
        }
        Predicate::IsNull(column, wanted) => Some(value(row, column).is_none() == *wanted),
        Predicate::Unknown => Some(true),
    }
}

fn frame(rows: &[Row]) -> Outcome<RecordBatch> {
    batch(vec![
        ("i", Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>())),
        ("u", Arc::new(rows.iter().map(|row| row.1).collect::<UInt64Array>())),
        ("f", Arc::new(rows.iter().map(|row| row.2).collect::<Float64Array>())),
        ("s", Arc::new(rows.iter().map(|row| row.3.as_deref()).collect::<StringArray>())),
        ("b", Arc::new(rows.iter().map(|row| row.4).collect::<BooleanArray>())),
    ])
}

/// Files that were left out, of all; one leaf holds them, or each has its own.
fn check(files: &[Vec<Row>], together: bool, predicates: &[Predicate]) -> Outcome<(usize, usize)> {
    let repository = Repository::open("memory://", OpenOptions::default())?;
    let mut transaction = repository.begin("main")?;
    for rows in files {
        transaction.write("t", Mode::Append, &mut stream(&[frame(rows)?]))?;
        if !together {
            finish(&mut transaction)?;
            transaction = repository.begin("main")?;
        }
    }
    if together {
        finish(&mut transaction)?;
    }
    let table = repository.head("main")?.table("t")?;
    let (mut n_dropped, mut n_seen) = (0, 0);
    for predicate in predicates {
        let kept: Vec<u64> =
            repository.plan(&table, Some(predicate))?.iter().map(|file| file.file.first_row_id).collect();
        let mut first = 0;
        for rows in files {
            let matches = |nan| rows.iter().any(|row| holds(predicate, row, nan) == Some(true));
            let is_kept = kept.contains(&first);
            assert!(is_kept || !(matches(Nan::Unordered) || matches(Nan::Greatest)), "{predicate:?} drops {rows:?}");
            first += rows.len() as u64;
            (n_dropped, n_seen) = (n_dropped + usize::from(!is_kept), n_seen + 1);
        }
    }
    Ok((n_dropped, n_seen))
}

proptest! {
    #[test]
    fn no_matching_row_is_ever_pruned(
        files in prop::collection::vec(prop::collection::vec(row(), 1..4), 1..4),
        together in any::<bool>(),
        predicates in prop::collection::vec(predicate(), 1..20),
    ) {
        check(&files, together, &predicates).map_err(|error| TestCaseError::fail(error.to_string()))?;
    }
}

#[test]
fn files_that_cannot_match_are_left_out() -> Outcome {
    let repository = Repository::open("memory://", OpenOptions::default())?;
    for month in 1..=12 {
        let days = (1..=28).map(|day| month * 100 + day);
        let text = Arc::new(StringArray::from_iter_values((1..=28).map(|day| format!("{month:02}-{day:02}"))));
        let rows = batch(vec![("day", Arc::new(Int64Array::from_iter_values(days))), ("text", text)])?;
        write(&repository, "t", Mode::Append, &rows)?;
    }
    let table = repository.head("main")?.table("t")?;
    let check = |text: &str, expected: usize| -> Outcome {
        assert_eq!(repository.plan(&table, Some(&Predicate::from_text(text)?))?.len(), expected, "{text}");
        Ok(())
    };
    check(r#"["=", "day", 314]"#, 1)?;
    check(r#"["=", "day", 399]"#, 0)?;
    check(r#"["<", "day", 301]"#, 2)?;
    check(r#"["not", [">=", "day", 301]]"#, 2)?;
    check(r#"["and", [">", "day", 428], ["<=", "day", 628]]"#, 2)?;
    check(r#"["or", ["=", "day", 101], ["=", "day", 1201]]"#, 2)?;
    check(r#"["in", "day", [101, 102, 701, 9999]]"#, 2)?;
    check(r#"["in", "day", []]"#, 0)?;
    check(r#"[">=", "text", "11"]"#, 2)?;
    check(r#"["is_null", "day"]"#, 0)?;
    check(r#"["is_not_null", "day"]"#, 12)?;
    check(r#"["<", "day", 101.5]"#, 1)?;
    check(r#"["unknown"]"#, 12)?;
    assert_eq!(repository.objects().counters.data_bytes.load(std::sync::atomic::Ordering::Relaxed), 0);
    let refused = repository.plan(&table, Some(&Predicate::from_text(r#"["=", "dya", 1]"#)?));
    let refused = refused.err().ok_or("it was not refused")?.to_string();
    assert!(refused.contains("column 'dya' not found in table 't'; did you mean 'day'?"), "{refused}");
    Ok(())
}

#[test]
fn predicates_that_cannot_be_read_are_refused() {
    for text in [
        "",
        "1",
        "[]",
        "{}",
        r#"["="]"#,
        r#"["=", 1, 2]"#,
        r#"["~", "a", 1]"#,
        r#"["=", "a", null]"#,
        r#"["not"]"#,
        r#"["in", "a", 1]"#,
    ] {
        assert!(Predicate::from_text(text).is_err(), "{text}");
    }
}
