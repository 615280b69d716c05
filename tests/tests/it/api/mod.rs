//! The HTTP front, over a real socket, on both engines. What a worker would do is written by the tests ([`worker`]).

mod access;
mod back_door;
mod checks;
mod conforms;
mod connections;
mod console;
mod crm;
mod described;
mod example;
mod face_crops;
mod form;
mod health;
mod jobs;
mod links;
mod manners;
mod mend;
mod operate;
mod orders;
mod orders_bulk;
mod people;
mod preview;
mod quotas;
mod rate_limits;
mod refusals;
mod repeated;
mod run_guests;
mod runs;
mod schedules;
mod search;
mod service;
mod start;
mod templates;
mod worker;

use form::Form;
use service::{Answer, Service};
