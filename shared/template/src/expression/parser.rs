//! Parses tokens into an expression. Syntax outside the documented language is refused here, before any guest.

use std::collections::BTreeSet;

use super::SyntaxError;
use super::filters::{FILTERS, Filter};
use super::lexer::{Kind, Token};
use super::node::{Comparison, Node, Operator};

/// The largest depth of nested brackets, conditions and arguments.
const MAX_DEPTH: usize = 24;
/// Reserved words, which cannot be fields.
const RESERVED: [&str; 9] = ["and", "or", "not", "in", "is", "if", "else", "none", "None"];

pub(super) struct Parser<'t> {
    tokens: &'t [Token],
    next: usize,
    /// The end of the expression in the source.
    end: usize,
    depth: usize,
    fields: &'t mut BTreeSet<String>,
}

/// Parses one expression whose source ends at byte `end`, and adds the fields that it reads.
pub(super) fn parse(tokens: &[Token], end: usize, fields: &mut BTreeSet<String>) -> Result<Node, SyntaxError> {
    let mut parser = Parser { tokens, next: 0, end, depth: 0, fields };
    let node = parser.expression()?;
    match parser.peek() {
        None => Ok(node),
        Some(token) => Err(parser.unexpected(&token.kind, "an operator, a filter or }}")),
    }
}

impl<'t> Parser<'t> {
    /// Parses `a if b else c`, or an expression that binds more tightly.
    fn expression(&mut self) -> Result<Node, SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("brackets and conditions are nested more than {MAX_DEPTH} deep");
            return Err(SyntaxError::unreadable(&message, self.at()));
        }
        let node = self.any()?;
        let node = if self.word("if") {
            let condition = Box::new(self.any()?);
            let otherwise = if self.word("else") { Some(Box::new(self.expression()?)) } else { None };
            Node::Choice { condition, then: Box::new(node), otherwise }
        } else {
            node
        };
        self.depth -= 1;
        Ok(node)
    }

    fn any(&mut self) -> Result<Node, SyntaxError> {
        self.chain(|parser| parser.word("or"), Self::all, Node::Any)
    }

    fn all(&mut self) -> Result<Node, SyntaxError> {
        self.chain(|parser| parser.word("and"), Self::not, Node::All)
    }

    fn not(&mut self) -> Result<Node, SyntaxError> {
        let mut negated = false;
        while self.word("not") {
            negated = !negated;
        }
        let node = self.compare()?;
        Ok(if negated { Node::Not(Box::new(node)) } else { node })
    }

    fn compare(&mut self) -> Result<Node, SyntaxError> {
        let first = self.sum()?;
        let mut rest = Vec::new();
        while let Some(comparison) = self.comparison() {
            let is_list = matches!(comparison, Comparison::In | Comparison::NotIn) && self.sign("[");
            rest.push((comparison, if is_list { Node::List(self.items("]")?) } else { self.sum()? }));
        }
        Ok(if rest.is_empty() { first } else { Node::Compare(Box::new(first), rest) })
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let signs = [
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        if let Some((_, comparison)) = signs.into_iter().find(|(sign, _)| self.sign(sign)) {
            return Some(comparison);
        }
        if self.word("in") {
            return Some(Comparison::In);
        }
        let is_not_in = matches!(self.tokens.get(self.next..self.next + 2), Some([not, within])
            if not.kind == Kind::Word("not".into()) && within.kind == Kind::Word("in".into()));
        is_not_in.then(|| {
            self.next += 2;
            Comparison::NotIn
        })
    }

    fn sum(&mut self) -> Result<Node, SyntaxError> {
        self.calculation(&[("+", Operator::Add), ("-", Operator::Subtract)], Self::concat)
    }

    fn concat(&mut self) -> Result<Node, SyntaxError> {
        self.chain(|parser| parser.sign("~"), Self::product, Node::Concat)
    }

    fn product(&mut self) -> Result<Node, SyntaxError> {
        let signs = [
            ("*", Operator::Multiply),
            ("/", Operator::Divide),
            ("//", Operator::DivideWhole),
            ("%", Operator::Remainder),
        ];
        self.calculation(&signs, Self::filtered)
    }

    fn calculation(
        &mut self,
        signs: &[(&str, Operator)],
        closer: impl Fn(&mut Self) -> Result<Node, SyntaxError>,
    ) -> Result<Node, SyntaxError> {
        let first = closer(self)?;
        let mut rest = Vec::new();
        while let Some((_, operator)) = signs.iter().find(|(sign, _)| self.sign(sign)) {
            rest.push((*operator, closer(self)?));
        }
        Ok(if rest.is_empty() { first } else { Node::Calculate(Box::new(first), rest) })
    }

    fn chain(
        &mut self,
        joins: impl Fn(&mut Self) -> bool,
        closer: impl Fn(&mut Self) -> Result<Node, SyntaxError>,
        node: impl Fn(Vec<Node>) -> Node,
    ) -> Result<Node, SyntaxError> {
        let first = closer(self)?;
        let mut all = vec![first];
        while joins(self) {
            all.push(closer(self)?);
        }
        Ok(match all.pop() {
            Some(only) if all.is_empty() => only,
            last => {
                all.extend(last);
                node(all)
            }
        })
    }

    /// Parses a value with its filters and tests: `name | upper | trim`, `name is defined`.
    fn filtered(&mut self) -> Result<Node, SyntaxError> {
        let mut node = self.unary()?;
        loop {
            if self.sign("|") {
                let filter = self.filter()?;
                match &mut node {
                    Node::Filtered(_, filters) => filters.push(filter),
                    _ => node = Node::Filtered(Box::new(node), vec![filter]),
                }
            } else if self.word("is") {
                let negated = self.word("not");
                let defined = match self.take() {
                    Some(Token { kind: Kind::Word(word), .. }) if word == "defined" => true,
                    Some(Token { kind: Kind::Word(word), .. }) if word == "undefined" => false,
                    _ => {
                        return Err(SyntaxError::unreadable(
                            "after \"is\" must come defined or undefined",
                            self.last(),
                        ));
                    }
                };
                node = Node::Defined(Box::new(node), defined != negated);
                // A second test would apply to the result of the first one.
                return Ok(node);
            } else {
                return Ok(node);
            }
        }
    }

    fn filter(&mut self) -> Result<(Filter, Vec<Node>), SyntaxError> {
        let name = match self.take() {
            Some(Token { kind: Kind::Word(name), .. }) => name.clone(),
            _ => return Err(SyntaxError::unreadable("after | must come the name of a filter", self.last())),
        };
        let at = self.last();
        let Some(filter) = Filter::named(&name) else {
            let message = format!("there is no filter {name}; the filters are {}", FILTERS.join(", "));
            return Err(SyntaxError { message, offset: Some(at) });
        };
        let arguments = if self.sign("(") { self.items(")")? } else { Vec::new() };
        if !filter.arguments().contains(&arguments.len()) {
            let message = format!("the filter {name} takes {}; it has {} here", filter.usage(), arguments.len());
            return Err(SyntaxError { message, offset: Some(at) });
        }
        Ok((filter, arguments))
    }

    /// Parses expressions separated by commas, up to the closing sign.
    fn items(&mut self, close: &str) -> Result<Vec<Node>, SyntaxError> {
        let mut items = Vec::new();
        while !self.sign(close) {
            items.push(self.expression()?);
            if !self.sign(",")
                && !matches!(self.peek(), Some(token) if matches!(token.kind, Kind::Sign(sign) if sign == close))
            {
                return Err(SyntaxError::unreadable(&format!("a comma or {close} is missing"), self.at()));
            }
        }
        Ok(items)
    }

    fn unary(&mut self) -> Result<Node, SyntaxError> {
        let mut negated = false;
        while self.sign("-") {
            negated = !negated;
        }
        let node = self.primary()?;
        Ok(if negated { Node::Minus(Box::new(node)) } else { node })
    }

    fn primary(&mut self) -> Result<Node, SyntaxError> {
        let Some(Token { kind, at }) = self.take() else {
            return Err(SyntaxError::unreadable("a field, a text in \"…\" or a number is missing", self.end));
        };
        let node = match kind {
            Kind::Text(text) => Node::Text(text.clone()),
            Kind::Integer(number) => Node::Integer(*number),
            Kind::Float(number) => Node::Float(*number),
            Kind::Sign("(") => {
                let inner = self.expression()?;
                if !self.sign(")") {
                    return Err(SyntaxError::unreadable("the closing ) is missing", self.at()));
                }
                inner
            }
            Kind::Word(word) if word == "true" || word == "True" => Node::Bool(true),
            Kind::Word(word) if word == "false" || word == "False" => Node::Bool(false),
            Kind::Word(word) if !RESERVED.contains(&word.as_str()) => {
                self.fields.insert(word.clone());
                Node::Field(word.clone())
            }
            other => return Err(self.unexpected(other, "a field, a text in \"…\" or a number")),
        };
        let refusal = match self.peek().map(|token| &token.kind) {
            Some(Kind::Sign("(")) => "functions are not available; use fields, filters and \"…\" texts",
            Some(Kind::Sign("[" | ".")) => "fields are texts and have no parts; use filters such as first and last",
            Some(Kind::Sign("**")) => "powers are not available; + - * / // and % are",
            _ => return Ok(node),
        };
        Err(SyntaxError { message: refusal.to_owned(), offset: Some(*at) })
    }

    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<&'t Token> {
        let token = self.tokens.get(self.next)?;
        self.next += 1;
        Some(token)
    }

    fn sign(&mut self, wanted: &str) -> bool {
        self.eat(|kind| matches!(kind, Kind::Sign(sign) if *sign == wanted))
    }

    fn word(&mut self, wanted: &str) -> bool {
        self.eat(|kind| matches!(kind, Kind::Word(word) if word == wanted))
    }

    fn eat(&mut self, is_wanted: impl Fn(&Kind) -> bool) -> bool {
        let found = self.peek().is_some_and(|token| is_wanted(&token.kind));
        self.next += usize::from(found);
        found
    }

    /// The position of the next token.
    fn at(&self) -> usize {
        self.peek().map_or(self.end, |token| token.at)
    }

    /// The position of the last token.
    fn last(&self) -> usize {
        self.next.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(self.end, |token| token.at)
    }

    fn unexpected(&self, kind: &Kind, wanted: &str) -> SyntaxError {
        let found = match kind {
            Kind::Word(word) => format!("\"{word}\""),
            Kind::Text(_) => "a text".to_owned(),
            Kind::Integer(_) | Kind::Float(_) => "a number".to_owned(),
            Kind::Sign(sign) => (*sign).to_owned(),
        };
        let at = if self.peek().is_some_and(|token| token.kind == *kind) { self.at() } else { self.last() };
        SyntaxError::unreadable(&format!("there is {found} where {wanted} is expected"), at)
    }
}
