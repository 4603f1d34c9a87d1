//! Imports into both stores: real data sets where they are at hand, small folders for everything that can be wrong with one.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed check fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::ProgressBar;
use kairos_origin::cache::Cache;
use kairos_origin::import::markdown::import_markdown;
use kairos_origin::import::oulad::import_oulad;
use kairos_origin::import::{ImportError, Report, Target};
use kairos_origin::store::Store;
use kairos_origin::store::catalog::ModuleFilter;
use kairos_protocol::api::ids::{Slug, UserId};
use kairos_protocol::api::operation::PASS_SCORE;
use kairos_tests::skip::skip;
use kairos_tests::world::{StoreKind, World};

const NOW: i64 = 1_790_000_000_000;

/// Makes of each check a test on the embedded store and one on MongoDB.
macro_rules! into_every_store {
    ($($check:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $check() {
                crate::run(kairos_tests::world::StoreKind::Sqlite, crate::$check).await;
            })*
        }
        mod mongo {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $check() {
                crate::run(kairos_tests::world::StoreKind::Mongo, crate::$check).await;
            })*
        }
    };
}

into_every_store! {
    the_whole_of_oulad the_rust_book bad_rows_are_named_and_the_rest_goes_in an_interrupted_import_is_finished
    markdown_without_a_summary_goes_by_name front_matter_goes_before_everything bad_files_are_named_and_the_rest_goes_in
    what_cannot_be_read_is_said
}

async fn run<F: Future<Output = ()>>(kind: StoreKind, check: impl FnOnce(Arc<dyn Store>) -> F) {
    if let Some(world) = World::new(kind, false) {
        check(world.store().await).await;
    }
}

/// A folder of the shared data, or `None` and a note.
fn real_data(name: &str) -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if !dir.is_dir() {
        skip(&format!("there is no ../shared/data/{name}"));
        return None;
    }
    Some(dir)
}

async fn oulad(store: &Arc<dyn Store>, dir: &Path) -> Result<Report, ImportError> {
    let (cache, bar) = (Cache::local(Arc::<dyn Store>::clone(store)), ProgressBar::hidden());
    import_oulad(&Target { store: store.as_ref(), cache: &cache, now: NOW, bar: &bar }, dir).await
}

async fn markdown(store: &Arc<dyn Store>, dir: &Path) -> Result<Report, ImportError> {
    let (cache, bar) = (Cache::local(Arc::<dyn Store>::clone(store)), ProgressBar::hidden());
    import_markdown(&Target { store: store.as_ref(), cache: &cache, now: NOW, bar: &bar }, dir, None).await
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

/// What the data set itself says of one student: modules, passed, scored, sum of scores.
fn straight_from_the_csv(dir: &Path) -> BTreeMap<String, (u64, u64, u64, u64)> {
    let mut students = BTreeMap::new();
    let mut rows = csv::Reader::from_path(dir.join("studentAssessment.csv")).unwrap();
    for row in rows.records() {
        let row = row.unwrap();
        let score: Option<u64> = row[4].parse().ok();
        let sums: &mut (u64, u64, u64, u64) = students.entry(row[1].to_owned()).or_default();
        sums.0 += 1;
        sums.1 += u64::from(score.is_some_and(|s| s >= u64::from(PASS_SCORE)));
        sums.2 += u64::from(score.is_some());
        sums.3 += score.unwrap_or(0);
    }
    students
}

async fn the_whole_of_oulad(store: Arc<dyn Store>) {
    let Some(dir) = real_data("oulad") else { return };
    let began = std::time::Instant::now();
    let report = oulad(&store, &dir).await.unwrap();
    println!("the whole of OULAD took {:.1} s", began.elapsed().as_secs_f64());
    let expected = Report {
        modules: 206,
        modules_written: 206,
        learners: 23_369,
        learners_added: 23_369,
        progress_records: 173_912,
        unscored: 173,
        operations_applied: 173_912,
        bad_rows: Vec::new(),
    };
    assert_eq!(report, expected);

    let students = straight_from_the_csv(&dir);
    // The busiest, the least busy, and eight in between.
    let mut by_rows: Vec<_> = students.iter().collect();
    by_rows.sort_by_key(|(student, sums)| (sums.0, (*student).clone()));
    let last = by_rows.len() - 1;
    for n in 0..10 {
        let (student, (modules, passed, scored, score_sum)) = by_rows[n * last / 9];
        let user = UserId::new(format!("oulad-{student}")).unwrap();
        let statistics = store.statistics(&user).await.unwrap().value;
        assert_eq!(
            (statistics.modules, statistics.completed, statistics.scored, statistics.score_sum),
            (*modules, *passed, *scored, *score_sum),
            "{student}"
        );
        assert_eq!(statistics.in_progress, modules - passed, "{student}");
        assert_eq!(statistics.average_score, (*scored > 0).then(|| *score_sum as f64 / *scored as f64), "{student}");
        assert_eq!(store.list_history(&user, None, 100).await.unwrap().value.len() as u64, *modules, "{student}");
    }

    let again = oulad(&store, &dir).await.unwrap();
    assert_eq!(again, Report { modules_written: 0, learners_added: 0, operations_applied: 0, ..expected });
}

async fn the_rust_book(store: Arc<dyn Store>) {
    let Some(dir) = real_data("rust-book") else { return };
    let report = markdown(&store, &dir).await.unwrap();
    let files = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let chapters: BTreeSet<_> =
        files.filter_map(|name| name.strip_suffix(".md").map(str::to_owned)).filter(|name| name != "SUMMARY").collect();
    assert_eq!(report.bad_rows, []);
    assert_eq!((report.modules, report.modules_written), (111, 111));

    let list = store.list_modules(&ModuleFilter::default(), None, 200).await.unwrap().value;
    assert_eq!(list.iter().map(|m| m.slug.to_string()).collect::<BTreeSet<_>>(), chapters);
    let order: Vec<_> = list.iter().map(|m| m.slug.as_str()).collect();
    assert_eq!(order[..4], ["title-page", "foreword", "ch00-00-introduction", "ch01-00-getting-started"]);
    assert!(list.iter().all(|m| m.subject == "The Rust Programming Language"));

    let found = store.search_modules("ownership", 5).await.unwrap().value;
    assert!(found[0].slug.as_str().starts_with("ch04-"), "{}", found[0].slug);

    let mut with_contents = 0;
    for module in &list {
        let whole = store.module(&module.slug).await.unwrap().value.unwrap();
        let file = fs::read_to_string(dir.join(format!("{}.md", module.slug))).unwrap();
        assert_eq!(whole.content, file, "{}", module.slug);
        with_contents += serde_json::to_vec(&whole).unwrap().len();
    }
    let listed = serde_json::to_vec(&list).unwrap().len();
    println!("the list takes {listed} bytes, with contents {with_contents}");
    assert!(listed * 5 <= with_contents, "{listed} of {with_contents} bytes");

    let again = markdown(&store, &dir).await.unwrap();
    assert_eq!((again.modules, again.modules_written), (111, 0));
}

const ASSESSMENTS: &str =
    "\u{feff}\"code_module\",\"code_presentation\",\"id_assessment\",\"assessment_type\",\"date\",\"weight\"\r
\"AAA\",\"2013J\",\"1\",\"TMA\",\"19\",\"10\"\r
\"AAA\",\"2014B\",\"2\",\"Exam\",\"?\",\"100\"\r
\"AAA\",\"spring\",\"3\",\"TMA\",\"19\",\"10\"\r
\"AAA\",\"2013J\",\"4\",\"TMA\"\r
";

async fn bad_rows_are_named_and_the_rest_goes_in(store: Arc<dyn Store>) {
    let mut submissions = b"id_assessment,id_student,date_submitted,is_banked,score\n".to_vec();
    let rows: [&[u8]; 13] = [
        b"1,7,18,0,78",
        b"1,8,18,0,150",
        b"9,8,18,0,50",
        b"1,8,soon,0,50",
        b"1,8,18,0",
        b"1,\"8,18,0,50",
        b"1,\xff,18,0,50",
        b"",
        b"1,eight,18,0,50",
        b"1,8,18,0,39.5",
        b"2,7,-3,1,",
        b"1,7,19,0,80",
        b"1,9,2147483647,0,50",
    ];
    submissions.extend(rows.join(&b'\n'));
    let dir = folder(&[("assessments.csv", ASSESSMENTS.as_bytes()), ("studentAssessment.csv", &submissions)]);
    let report = oulad(&store, dir.path()).await.unwrap();
    let places: Vec<_> = report
        .bad_rows
        .iter()
        .map(|bad| format!("{}:{}", bad.file.file_name().unwrap().to_str().unwrap(), bad.line))
        .collect();
    let in_assessments = ["assessments.csv:4", "assessments.csv:5"].map(str::to_owned);
    let in_submissions = [3, 4, 5, 6, 7, 8, 10, 11, 13, 14].map(|line| format!("studentAssessment.csv:{line}"));
    assert_eq!(places, [in_assessments.as_slice(), in_submissions.as_slice()].concat(), "{:#?}", report.bad_rows);
    assert!(report.bad_rows[2].to_string().ends_with("score `150` is no whole number from 0 to 100"));
    assert_eq!((report.modules, report.learners, report.progress_records, report.unscored), (2, 1, 2, 1));

    let history = store.list_history(&UserId::new("oulad-7").unwrap(), None, 10).await.unwrap().value;
    let moments: Vec<_> = history.iter().map(|entry| (entry.module.as_str(), entry.at_ms)).collect();
    // 2014-02-01 less 3 days, and 2013-10-01 and 18 days.
    assert_eq!(moments, [("oulad-2", 1_390_953_600_000), ("oulad-1", 1_382_140_800_000)]);
}

async fn an_interrupted_import_is_finished(store: Arc<dyn Store>) {
    let row = |n: u32| format!("1,{n},18,0,{}\n", n % 101);
    let file = |rows: u32| {
        let header = "id_assessment,id_student,date_submitted,is_banked,score\n".to_owned();
        (0..rows).fold(header, |text, n| text + &row(n))
    };
    for (rows, applied) in [(2_500, 2_500), (5_000, 2_500), (5_000, 0)] {
        let dir =
            folder(&[("assessments.csv", ASSESSMENTS.as_bytes()), ("studentAssessment.csv", file(rows).as_bytes())]);
        let report = oulad(&store, dir.path()).await.unwrap();
        assert_eq!((report.progress_records, report.operations_applied), (rows.into(), applied));
    }
}

async fn markdown_without_a_summary_goes_by_name(store: Arc<dyn Store>) {
    let dir = folder(&[
        ("b.md", b"Text only, with *emphasis* and `code`.\n\nMore."),
        ("A Title.md", b"# The heading\n\nFirst paragraph."),
        ("part/Deep One.md", b""),
        (".hidden/x.md", b"x"),
        ("notes.txt", b"x"),
    ]);
    let report = markdown(&store, dir.path()).await.unwrap();
    assert_eq!((report.modules, report.bad_rows.len()), (3, 0));
    let list = store.list_modules(&ModuleFilter::default(), None, 10).await.unwrap().value;
    let shown: Vec<_> = list.iter().map(|m| (m.slug.as_str(), m.title.as_str(), m.summary.as_str())).collect();
    let expected = [
        ("a-title", "The heading", "First paragraph."),
        ("b", "b", "Text only, with emphasis and code."),
        ("part-deep-one", "part/Deep One", ""),
    ];
    assert_eq!(shown, expected);
    assert_eq!(list[0].subject, dir.path().file_name().unwrap().to_str().unwrap());
}

async fn front_matter_goes_before_everything(store: Arc<dyn Store>) {
    let text = b"+++\ntitle = \"Mine\"\nsubject = \"S\"\nposition = 7\ndifficulty = \"advanced\"\ntags = [\"x\"]\n\
        language = \"fr\"\nsummary = \"Short.\"\nduration_minutes = 3\nstatus = \"draft\"\n+++\n\n# Other\n";
    let dir = folder(&[("one.md", text), ("SUMMARY.md", b"# Book\n\n- [Third](one.md)\n")]);
    markdown(&store, dir.path()).await.unwrap();
    let module = store.module(&Slug::new("one").unwrap()).await.unwrap().value.unwrap();
    assert_eq!(module.content, "# Other\n");
    let wanted = serde_json::json!({
        "slug": "one", "title": "Mine", "subject": "S", "position": 7, "difficulty": "advanced", "tags": ["x"],
        "language": "fr", "summary": "Short.", "duration_minutes": 3, "updated_at_ms": NOW,
    });
    assert_eq!(serde_json::to_value(&module.summary).unwrap(), wanted);
    assert!(store.list_modules(&ModuleFilter::default(), None, 10).await.unwrap().value.is_empty(), "a draft");
}

async fn bad_files_are_named_and_the_rest_goes_in(store: Arc<dyn Store>) {
    let dir = folder(&[
        ("SUMMARY.md", b"# Book\n\n- [Good](good.md)\n- [Gone](gone.md)\n- [Out](../out.md)\n- [Web](https://example.org/x.md)\n- [Draft]()\n"),
        ("good.md", b"# Good\n"),
        ("binary.md", b"line\nline \xff\n"),
        ("key.md", b"+++\ntitle = \"x\"\ncolour = \"red\"\n+++\n"),
        ("open.md", b"+++\ntitle = \"x\"\n"),
        ("GOOD.md", b"# Twice\n"),
        ("tags.md", b"+++\ntags = [\"\"]\n+++\n"),
        ("\u{65e5}\u{672c}.md", b"# No slug\n"),
    ]);
    let report = markdown(&store, dir.path()).await.unwrap();
    let mut places: Vec<_> = report
        .bad_rows
        .iter()
        .map(|bad| format!("{}:{}", bad.file.file_name().unwrap().to_str().unwrap(), bad.line))
        .collect();
    places.sort();
    let expected = [
        "GOOD.md:1",
        "SUMMARY.md:4",
        "SUMMARY.md:5",
        "binary.md:2",
        "key.md:3",
        "open.md:1",
        "tags.md:1",
        "\u{65e5}\u{672c}.md:1",
    ];
    assert_eq!(places, expected, "{:#?}", report.bad_rows);
    assert_eq!(report.modules, 1);
    assert_eq!(store.module(&Slug::new("good").unwrap()).await.unwrap().value.unwrap().summary.title, "Good");

    // Another book with a chapter of the same name does not overwrite this one's.
    let other = folder(&[("SUMMARY.md", b"# Other book\n\n- [Good](good.md)\n"), ("good.md", b"# Mine\n")]);
    let report = markdown(&store, other.path()).await.unwrap();
    assert_eq!((report.modules, report.bad_rows.len()), (0, 1));
    assert_eq!(store.module(&Slug::new("good").unwrap()).await.unwrap().value.unwrap().summary.title, "Good");
}

async fn what_cannot_be_read_is_said(store: Arc<dyn Store>) {
    let empty = folder(&[("x.txt", b"x")]);
    assert!(matches!(markdown(&store, empty.path()).await, Err(ImportError::Empty(_))));
    assert!(matches!(oulad(&store, empty.path()).await, Err(ImportError::Read { .. })));
    let dir = folder(&[("assessments.csv", b"a,b\n"), ("studentAssessment.csv", b"id_assessment,id_student\n1,2\n")]);
    let message = oulad(&store, dir.path()).await.unwrap_err().to_string();
    assert!(message.ends_with("studentAssessment.csv: the first line has no column `date_submitted`"), "{message}");
}
