//! The address of a request's client, as Envoy writes it.

#[cfg(test)]
mod tests;

/// The address without its port, of Envoy's attribute `source.address`: `10.0.0.1:4711` or `[fd00::1]:4711`. `None`
/// for what is not an address, such as the path of a unix socket.
#[must_use]
pub fn client_address(attribute: &[u8]) -> Option<String> {
    let colon = attribute.iter().rposition(|byte| *byte == b':')?;
    let (address, port) = attribute.split_at_checked(colon)?;
    let is_port = port.len() > 1 && port.iter().skip(1).all(u8::is_ascii_digit);
    let address = match address {
        [b'[', address @ .., b']'] | address => address,
    };
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
    let is_address = !address.is_empty() && address.iter().all(is_part);
    if !is_port || !is_address {
        return None;
    }
    String::from_utf8(address.to_vec()).ok()
}
