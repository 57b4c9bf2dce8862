//! What ARCHITECTURE.md says of the files: none is long, and no two import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// Most lines of a file, without its tests.
const MOST_LINES: usize = 400;

/// The path of a module within its crate; that of the crate itself is empty.
type Module = Vec<String>;

/// A file of a crate.
#[derive(Default)]
struct File {
    path: PathBuf,
    lines: usize,
    /// The names that it defines.
    defined: BTreeSet<String>,
    /// What it makes visible of others, by the last name.
    exported: BTreeMap<String, Vec<String>>,
    /// What it imports for itself, by the last name.
    imported: BTreeMap<String, Vec<String>>,
    /// The paths that it needs.
    needed: Vec<Vec<String>>,
}

/// All files of a crate, by their modules.
struct Crate(BTreeMap<Module, File>);

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("test"))
    })
}

impl<'ast> Visit<'ast> for File {
    fn visit_item(&mut self, item: &'ast Item) {
        let name = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            _ => None,
        };
        self.defined.extend(name.map(ToString::to_string));
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    /// `pub(super)` is no import.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        for path in leaves(&item.tree, &[]) {
            match (&item.vis, path.last()) {
                (Visibility::Inherited, Some(name)) => {
                    self.imported.insert(name.clone(), path.clone());
                    self.needed.push(path);
                }
                (_, Some(name)) => {
                    self.exported.insert(name.clone(), path);
                }
                (_, None) => {}
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|part| part.ident.to_string());
        self.needed.push(names.collect());
        visit::visit_path(self, path);
    }
}

impl File {
    /// The path behind a name that is used without one.
    fn import_of(&self, name: &str) -> Option<&[String]> {
        let path = self.imported.get(name).or(self.exported.get(name))?;
        (path[0] != name).then_some(path)
    }
}

/// The paths of a `use`, without the new names that it gives.
fn leaves(tree: &UseTree, before: &[String]) -> Vec<Vec<String>> {
    let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
    match tree {
        UseTree::Path(path) => leaves(&path.tree, &with(&path.ident)),
        UseTree::Name(name) if name.ident == "self" => vec![before.to_vec()],
        UseTree::Name(name) => vec![with(&name.ident)],
        UseTree::Rename(rename) => vec![with(&rename.ident)],
        UseTree::Glob(_) => vec![before.to_vec()],
        UseTree::Group(group) => {
            let items = group.items.iter();
            items.flat_map(|tree| leaves(tree, before)).collect()
        }
    }
}

impl Crate {
    fn read(source: &Path) -> Self {
        let mut files = BTreeMap::new();
        collect(source, &[], &mut files);
        Self(files)
    }

    /// The file that a path in `module` leads to, by way of what others make visible.
    fn file_of(&self, module: &[String], path: &[String]) -> Option<&Module> {
        let (mut place, mut rest) = match path.first()?.as_str() {
            "crate" => (vec![], &path[1..]),
            "self" => (module.to_vec(), &path[1..]),
            "super" => {
                let steps = path.iter().take_while(|name| *name == "super").count();
                let depth = module.len().checked_sub(steps)?;
                (module[..depth].to_vec(), &path[steps..])
            }
            first => {
                let below = [module, &[first.to_owned()]].concat();
                if !self.0.contains_key(&below) {
                    let target = self.0.get(module)?.import_of(first)?;
                    return self.file_of(module, &[target, &path[1..]].concat());
                }
                (module.to_vec(), path)
            }
        };
        while let Some(name) = rest.first() {
            place.push(name.clone());
            if !self.0.contains_key(&place) {
                place.pop();
                break;
            }
            rest = &rest[1..];
        }
        let (found, file) = self.0.get_key_value(&place)?;
        match rest.first().and_then(|name| file.exported.get(name)) {
            Some(path) if !file.defined.contains(&rest[0]) => self.file_of(found, path),
            _ => Some(found),
        }
    }

    /// Which files each file imports from.
    fn imports(&self) -> BTreeMap<&Module, BTreeSet<&Module>> {
        let of = |module: &Module, file: &File| -> BTreeSet<&Module> {
            let needed = file.needed.iter();
            let found = needed.filter_map(|path| self.file_of(module, path));
            found.filter(|other| *other != module).collect()
        };
        let files = self.0.iter();
        files
            .map(|(module, file)| (module, of(module, file)))
            .collect()
    }
}

fn collect(folder: &Path, module: &[String], files: &mut BTreeMap<Module, File>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let stem = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if stem == "tests" {
            continue;
        }
        let below = [module, std::slice::from_ref(&stem)].concat();
        if path.is_dir() {
            collect(&path, &below, files);
            continue;
        }
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let tests = text
            .find("\n#[cfg(test)]\nmod")
            .or(text.find("\n#[cfg(all(test"));
        let mut file = File {
            lines: text[..tests.unwrap_or(text.len())].lines().count(),
            path,
            ..File::default()
        };
        file.visit_file(&syn::parse_file(&text).expect("Rust"));
        let module = match stem.as_str() {
            "lib" | "main" | "mod" => module.to_vec(),
            _ => below,
        };
        files.insert(module, file);
    }
}

/// Every crate of the workspace, with its name.
fn crates() -> Vec<(String, Crate)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let entries = fs::read_dir(root).expect("the folder of the crates");
    let folders = entries.map(|entry| entry.expect("an entry").path());
    let read = |folder: PathBuf| {
        let name = folder.file_name().expect("a name").to_string_lossy();
        (name.into_owned(), Crate::read(&folder.join("src")))
    };
    folders.map(read).collect()
}

#[test]
fn no_two_files_import_each_other() {
    let (mut seen, mut mutual) = (0, Vec::new());
    for (name, files) in crates() {
        let imports = files.imports();
        for (file, others) in &imports {
            seen += others.len();
            for other in others {
                if file < other && imports[other].contains(file) {
                    mutual.push(format!("{name}: {file:?} and {other:?}"));
                }
            }
        }
    }
    assert!(mutual.is_empty(), "import each other: {mutual:#?}");
    assert!(seen > 200, "only {seen} imports were seen");
}

#[test]
fn no_file_is_long() {
    for (_, files) in crates() {
        for File { path, lines, .. } in files.0.values() {
            let path = path.display();
            assert!(
                *lines <= MOST_LINES,
                "{path} has {lines} lines before its tests"
            );
        }
    }
}
