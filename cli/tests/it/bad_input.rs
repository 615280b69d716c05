//! What bad input gets: a message that names the row or field and the way out, while the other guests go on.

mod data_folder;
mod lists;
mod people;
mod picture_names;
mod pictures;
mod surroundings;
mod templates;
