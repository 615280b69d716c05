//! The formats in which invitations are drawn.

crate::text_enum! {
    /// A format in which an invitation can be drawn.
    pub enum ImageFormat, "format {:?} is not known" {
        /// JPEG: small, and every program opens it.
        Jpeg "jpeg",
        /// PNG: exact, and large.
        Png "png",
        /// WebP without loss.
        Webp "webp",
    }
}

impl ImageFormat {
    /// The extension of its files, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }

    /// The media type of its files, as HTTP names it.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }

    /// Returns the format of files with this extension.
    pub fn of_extension(extension: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| extension == format.extension() || extension == format.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::ImageFormat;

    #[test]
    fn a_format_is_known_by_both_ends_that_its_files_have() {
        for format in ImageFormat::ALL {
            assert_eq!(ImageFormat::of_extension(format.extension()), Some(*format));
            assert_eq!(format.media_type(), format!("image/{format}"));
        }
        assert_eq!(ImageFormat::of_extension("jpeg"), Some(ImageFormat::Jpeg));
        assert_eq!(ImageFormat::of_extension("gif"), None);
    }
}
