//! The companion's configuration, and which option each of its fields comes from.

use super::{UNKNOWN_HOST, fault, probe};
use crate::document::Report;
use crate::migration::oauth2_proxy::outcome::{Lines, Outcome};
use crate::migration::oauth2_proxy::setting::Settings;
use crate::migration::oauth2_proxy::tree::{Commented, Tree, text};

/// The configuration while it is made.
#[derive(Debug, Default)]
pub(super) struct Companion {
    /// The blocks, in the order of the file.
    blocks: Vec<(Block, Tree)>,
    /// The path of a field, and the option that it comes from.
    origins: Vec<(String, &'static str)>,
}

/// The blocks of the file. The root has the fields that are in none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Block {
    Root,
    Provider,
    Session,
    Redis,
    Cookie,
    Trust,
    Tls,
    Tail,
}

/// Required fields, and what replaces a value of them that can't be used.
const REQUIRED: [(&str, &str); 3] = [
    ("providers[0].issuer", "https://change-me.invalid"),
    ("providers[0].client_id", UNKNOWN_HOST),
    ("url", "https://change-me.invalid"),
];

/// The most values that can't be used.
const MAX_REPAIRS: usize = 200;

// === impl Companion ===

impl Companion {
    /// Sets a field of a block, which comes from this option.
    pub(super) fn put(
        &mut self,
        block: Block,
        field: &str,
        flag: Option<&'static str>,
        value: impl Into<Commented>,
    ) {
        if let Some(flag) = flag {
            let path = [block.prefix(), field].concat();
            self.origins.push((path, flag));
        }
        self.block(block).put(field, value);
    }

    /// A field of a block, if it is set.
    pub(super) fn member(&mut self, block: Block, field: &str) -> Option<&mut Commented> {
        self.block(block).member(field)
    }

    fn block(&mut self, block: Block) -> &mut Tree {
        let at = self.blocks.iter().position(|(own, _)| *own == block);
        let at = at.unwrap_or_else(|| {
            self.blocks.push((block, Tree::Map(Vec::new())));
            self.blocks.len() - 1
        });
        &mut self.blocks[at].1
    }

    /// The configuration as it is.
    fn tree(&self) -> Tree {
        let block = |block: Block| {
            let found = self.blocks.iter().find(|(own, _)| *own == block);
            let tree = found.map(|(_, tree)| tree.clone());
            tree.unwrap_or(Tree::Map(Vec::new()))
        };
        let mut root = block(Block::Root);
        root.put("providers", Tree::List(vec![block(Block::Provider).into()]));
        let mut session = block(Block::Session);
        for (name, part) in [("redis", Block::Redis), ("cookie", Block::Cookie)] {
            if !block(part).is_empty() {
                session.put(name, block(part));
            }
        }
        root.put("session", session);
        for (name, part) in [("trust", Block::Trust), ("tls", Block::Tls)] {
            if !block(part).is_empty() {
                root.put(name, block(part));
            }
        }
        if let Tree::Map(members) = block(Block::Tail) {
            for (name, value) in members {
                root.put(&name, value);
            }
        }
        root
    }

    /// Removes values that the companion does not accept, and says so at their options.
    pub(super) fn repair(&mut self, lines: &mut Lines, settings: &Settings) -> Result<(), Report> {
        for _ in 0..MAX_REPAIRS {
            let Err(report) = probe::companion(&self.tree()) else {
                return Ok(());
            };
            let problem = report.problem();
            let Some(path) = report.path() else {
                return Err(fault("companion.yaml", &problem));
            };
            let origins = self.origins.iter();
            let flags: Vec<&'static str> = origins
                .filter(|(field, _)| path.starts_with(field.as_str()))
                .map(|(_, flag)| *flag)
                .collect();
            if flags.is_empty() || !self.drop_value(&path) {
                return Err(fault("companion.yaml", &format!("{path}: {problem}")));
            }
            for setting in flags.iter().filter_map(|flag| settings.find(flag)) {
                let why = format!("the value can't be used: {problem}");
                lines.say(setting, Outcome::NeedsYou, &path, &why);
            }
        }
        Err(fault("companion.yaml", "too many values can't be used"))
    }

    /// Removes a value, or replaces it by one that admits nobody.
    fn drop_value(&mut self, path: &str) -> bool {
        let blocks = [
            Block::Provider,
            Block::Redis,
            Block::Cookie,
            Block::Session,
            Block::Trust,
            Block::Tls,
            Block::Root,
            Block::Tail,
        ];
        let required = REQUIRED.iter().find(|(own, _)| *own == path);
        for block in blocks {
            let Some(field) = path.strip_prefix(block.prefix()) else {
                continue;
            };
            let (name, element) = match field.split_once('[') {
                Some((name, rest)) => (name, rest.strip_suffix(']')),
                None => (field, None),
            };
            let name = name.split('.').next().unwrap_or_default();
            let Some(value) = self.member(block, name) else {
                continue;
            };
            let index = element.and_then(|index| index.parse::<usize>().ok());
            match (&mut value.tree, index) {
                (tree, _) if required.is_some() => {
                    *tree = text(required.map_or("", |(_, value)| value));
                }
                (Tree::List(elements), Some(index))
                    if elements.len() > 1 && index < elements.len() =>
                {
                    elements.remove(index);
                }
                _ => self.block(block).remove(name),
            }
            return true;
        }
        false
    }

    pub(super) fn into_tree(self) -> Tree {
        self.tree()
    }
}

// === impl Block ===

impl Block {
    /// The path of its fields.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Root | Self::Tail => "",
            Self::Provider => "providers[0].",
            Self::Session => "session.",
            Self::Redis => "session.redis.",
            Self::Cookie => "session.cookie.",
            Self::Trust => "trust.",
            Self::Tls => "tls.",
        }
    }
}
