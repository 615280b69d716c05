//! The HTTP front, over a real socket, on both engines. What a worker would do is written by the tests ([`worker`]).

mod access;
mod back_door;
mod conforms;
mod connections;
mod console;
mod crm;
mod described;
mod face_crops;
mod form;
mod health;
mod jobs;
mod links;
mod manners;
mod operate;
mod orders;
mod orders_bulk;
mod people;
mod preview;
mod quotas;
mod rate_limits;
mod refusals;
mod repeated;
mod runs;
mod schedules;
mod service;
mod start;
mod template_drafts;
mod template_versions;
mod templates;
mod worker;

use form::Form;
use service::{Answer, Service};
