//! Screen sizes, color schemes, and keyboard navigation.

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use serde_json::json;

use super::Browser;

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// Whether it is a phone.
    pub phone: bool,
}

impl Screen {
    /// A phone.
    pub const PHONE: Self = Self {
        width: 390,
        height: 844,
        phone: true,
    };

    /// The narrowest supported screen: WCAG 2.2, success criterion 1.4.10.
    pub const NARROW: Self = Self {
        width: 320,
        height: 568,
        phone: true,
    };

    /// A desktop.
    pub const DESKTOP: Self = Self {
        width: 1280,
        height: 800,
        phone: false,
    };
}

impl Browser {
    /// Shows pages on this screen from now on, in the dark or the light color scheme.
    ///
    /// # Panics
    /// If the browser refuses.
    pub async fn set_screen(&self, screen: Screen, dark: bool) {
        let metrics = json!({
            "width": screen.width, "height": screen.height,
            "deviceScaleFactor": 1, "mobile": screen.phone,
        });
        self.command("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.command("Emulation.setEmulatedMedia", media).await;
    }

    /// Presses the Tab key.
    ///
    /// # Panics
    /// If there is no page.
    pub async fn press_tab(&self) {
        let value = Key::Tab.into();
        let press = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        let pressed = self.client.perform_actions(press).await;
        pressed.expect("a key press");
    }
}
