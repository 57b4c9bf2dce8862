//! What a report says, before it is a page: sections of texts, tables and figures.

/// A report.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// What it is about, in a sentence or two.
    pub lead: String,
    /// Its parts, in their order.
    pub sections: Vec<Section>,
}

/// A part of a report.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section {
    /// By what links find it: letters, digits and hyphens, no other section's.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it holds, in its order.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// The title of what follows.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// Something to act on.
    Advice(String),
    /// Figures that belong together, side by side where there is room.
    Figures(Vec<Figure>),
    /// A table.
    Table(Table),
    /// Text as it is, of a file or for a terminal, under a title and folded away.
    Listing {
        /// What it is.
        title: String,
        /// The text.
        text: String,
    },
    /// Commands for a terminal.
    Commands(String),
}

/// A picture with what is to be seen in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The name of its file, without the ending: letters, digits and hyphens, no other figure's.
    pub name: String,
    /// The picture.
    pub picture: Picture,
    /// What it shows, for those who do not see it.
    pub alt: String,
    /// What is to be seen, and how it is drawn.
    pub caption: String,
}

/// A picture as the content of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// Pixels.
    Png(Vec<u8>),
    /// A drawing.
    Svg(String),
}

impl Picture {
    /// How the name of its file ends.
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Png(_) => "png",
            Self::Svg(_) => "svg",
        }
    }

    /// The content of its file.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Png(bytes) => bytes,
            Self::Svg(text) => text.as_bytes(),
        }
    }
}

/// A table that can be sorted by each of its columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// What it tells.
    pub caption: String,
    /// The titles of its columns.
    pub columns: Vec<String>,
    /// `[row][column]`; the first cell of a row names it.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number, by which rows are sorted, and how it is written.
    Number {
        /// The number.
        value: f64,
        /// How it is written.
        text: String,
    },
    /// A small PNG.
    Picture {
        /// The picture.
        png: Vec<u8>,
        /// What it shows.
        alt: String,
    },
    /// Nothing.
    Empty,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number with some decimals.
    pub fn number(value: f64, decimals: usize) -> Self {
        Self::Number {
            value,
            text: format!("{value:.decimals$}"),
        }
    }

    /// A count.
    pub fn count(value: usize) -> Self {
        Self::number(value as f64, 0)
    }

    /// A share as percent with some decimals.
    pub fn percent(value: f64, decimals: usize) -> Self {
        Self::Number {
            value,
            text: format!("{:.decimals$}%", 100.0 * value),
        }
    }

    /// A number with three digits, however large or small.
    pub fn short(value: f64) -> Self {
        let text = match value.abs() {
            0.0 => "0".to_owned(),
            1e-3..1e4 => format!("{value:.3}"),
            _ => format!("{value:.2e}"),
        };
        Self::Number { value, text }
    }
}

impl Section {
    /// An empty section.
    pub fn new(id: &str, title: impl Into<String>) -> Self {
        Self {
            id: id.to_owned(),
            title: title.into(),
            blocks: vec![],
        }
    }

    /// Adds a paragraph.
    pub fn text(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Text(text.into()));
    }

    /// Adds the title of what follows.
    pub fn heading(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Heading(text.into()));
    }

    /// Adds something to act on.
    pub fn advice(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Advice(text.into()));
    }

    /// Adds one figure.
    pub fn figure(&mut self, figure: Figure) {
        self.blocks.push(Block::Figures(vec![figure]));
    }

    /// Adds a table, unless it has no rows.
    pub fn table(&mut self, table: Table) {
        if !table.rows.is_empty() {
            self.blocks.push(Block::Table(table));
        }
    }
}

impl Document {
    /// All figures, in their order.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        let blocks = self.sections.iter().flat_map(|section| &section.blocks);
        blocks.flat_map(|block| match block {
            Block::Figures(figures) => figures.as_slice(),
            _ => &[],
        })
    }
}
