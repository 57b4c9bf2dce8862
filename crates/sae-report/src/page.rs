//! A report as a page: one HTML file that needs nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::document::{Block, Cell, Document, Figure, Picture, Section, Table};

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// A document as one HTML file, with its pictures, style and script inside: it opens without a network.
/// It is readable on narrow pages and on paper, in light and dark, by keyboard and by screen readers; its
/// tables can be sorted where scripts are allowed, and everything is there where they are not.
pub fn page(document: &Document) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // Without it browsers ask for one.
                link rel="icon" href="data:,";
                title { (document.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "To the content" }
                header {
                    h1 { (document.title) }
                    p.lead { (document.lead) }
                }
                nav aria-label="Sections" {
                    ul {
                        @for section in &document.sections {
                            li { a href={ "#" (section.id) } { (section.title) } }
                        }
                    }
                }
                main #content tabindex="-1" {
                    @for part in &document.sections { (section(part)) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    markup.into_string()
}

fn section(part: &Section) -> Markup {
    let title = format!("{}-title", part.id);
    html! {
        section id=(part.id) aria-labelledby=(title) {
            h2 id=(title) { (part.title) }
            @for piece in &part.blocks { (block(piece)) }
        }
    }
}

fn block(piece: &Block) -> Markup {
    match piece {
        Block::Heading(text) => html! { h3 { (text) } },
        Block::Text(text) => html! { p { (text) } },
        Block::Advice(text) => html! { p.advice { (text) } },
        Block::Figures(figures) => html! {
            div.figures { @for picture in figures { (figure(picture)) } }
        },
        Block::Table(content) => table(content),
        Block::Listing { title, text } => html! {
            details {
                summary { (title) }
                pre tabindex="0" role="region" aria-label=(title) { code { (text) } }
            }
        },
        Block::Commands(text) => html! {
            pre tabindex="0" role="region" aria-label="Commands" { code { (text) } }
        },
    }
}

fn figure(picture: &Figure) -> Markup {
    let (class, kind) = match picture.picture {
        Picture::Png(_) => ("pixels", "image/png"),
        Picture::Svg(_) => ("drawing", "image/svg+xml"),
    };
    html! {
        figure id=(picture.name) {
            img class=(class) alt=(picture.alt) src=(inline(kind, picture.picture.bytes()));
            figcaption { (picture.caption) }
        }
    }
}

fn inline(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}

fn table(content: &Table) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(content.caption) {
            table.sortable {
                caption { (content.caption) }
                thead {
                    tr {
                        @for (place, title) in content.columns.iter().enumerate() {
                            th scope="col" class=(alignment(content, place)) {
                                button type="button" { (title) }
                            }
                        }
                    }
                }
                tbody {
                    @for row in &content.rows {
                        tr { @for (place, cell) in row.iter().enumerate() { (written(place, cell)) } }
                    }
                }
            }
        }
    }
}

/// A column of numbers stands at the right, with its title.
fn alignment(content: &Table, column: usize) -> &'static str {
    let cells = content.rows.iter().filter_map(|row| row.get(column));
    match { cells }.any(|cell| matches!(cell, Cell::Number { .. })) {
        true => "number",
        false => "words",
    }
}

fn written(place: usize, cell: &Cell) -> Markup {
    let content = match cell {
        Cell::Text(text) | Cell::Number { text, .. } => html! { (text) },
        Cell::Picture { png, alt } => html! { img alt=(alt) src=(inline("image/png", png)); },
        Cell::Empty => html! {},
    };
    let (class, value) = match cell {
        Cell::Number { value, .. } => ("number", Some(value.to_string())),
        _ => ("words", None),
    };
    match place {
        0 => html! { th scope="row" class=(class) data-value=[value] { (content) } },
        _ => html! { td class=(class) data-value=[value] { (content) } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        let mut section = Section::new("one", text);
        section.text(text);
        section.advice(text);
        section.table(Table {
            caption: text.to_owned(),
            columns: vec![text.to_owned(), "n".to_owned()],
            rows: vec![vec![Cell::text(text), Cell::number(1.5, 2)]],
        });
        section.figure(Figure {
            name: "drawing".to_owned(),
            picture: Picture::Svg("<svg/>".to_owned()),
            alt: text.to_owned(),
            caption: text.to_owned(),
        });
        section.blocks.push(Block::Listing {
            title: text.to_owned(),
            text: text.to_owned(),
        });
        Document {
            title: text.to_owned(),
            lead: text.to_owned(),
            sections: vec![section],
        }
    }

    /// What users wrote stays text, in elements and in attributes.
    #[test]
    fn nothing_in_a_document_becomes_markup() {
        let page = page(&document("a<script>alert(\"1\")</script>&'"));
        assert!(!page.contains("<script>alert") && !page.contains("\"1\""));
        assert_eq!(page.matches("a&lt;script&gt;").count(), 16);
    }

    #[test]
    fn a_page_holds_everything_itself() {
        let page = page(&document("words"));
        assert!(page.starts_with("<!DOCTYPE html>"));
        assert!(page.contains("src=\"data:image/svg+xml;base64,PHN2Zy8+\""));
        assert!(page.contains("data-value=\"1.5\">1.50</td>"));
        for outside in ["http:", "https:", "url(", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn figures_are_found_where_they_are() {
        let document = document("words");
        let names: Vec<_> = document.figures().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["drawing"]);
        assert_eq!(
            document.figures().next().unwrap().picture.extension(),
            "svg"
        );
    }
}
